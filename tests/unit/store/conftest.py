"""The fixtures of the store's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.store.room import OLD, Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A folder `config` with a config.yaml in it."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config.yaml").write_bytes(OLD)
    return Room(folder)
