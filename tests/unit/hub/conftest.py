"""One stand-in Hub for a session; a fresh owner and models directory for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_standin.client import StandIn, running
from tests.unit.hub.box import Box


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The process, for all tests of the session."""
    with running(tmp_path_factory.mktemp("hub")) as running_standin:
        yield running_standin


@pytest.fixture
def box(standin: StandIn, tmp_path: Path) -> Box:
    """A Hub without faults that has seen nothing yet, and an empty models directory."""
    standin.faults()
    standin.forget()
    return Box(standin, tmp_path / "models", f"owner-{tmp_path.name}"[:60].rstrip("-_."))
