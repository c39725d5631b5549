"""A person's bad edit and a new model in the same interval: llama-swap runs on, and the edit is to blame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.lone_llama_swap import LoneLlamaSwap, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

BROKEN = b"groups: {mine: {members: [nowhere]}}\n"
EDITED = b"# edited\n"


@pytest.fixture
def lone(tmp_path: Path, llama_swap_image: str) -> Iterator[LoneLlamaSwap]:
    with running(tmp_path / "lone", llama_swap_image, "-watch-config=false") as made:
        yield made


@pytest.mark.parametrize("apply", ["restart", "reload"])
def test_a_bad_edit_stops_nothing_and_a_new_model_waits_for_its_mending(
    lone: LoneLlamaSwap, apply: str
) -> None:
    lone.add("first.gguf")
    assert lone.sync(SYNC_APPLY=apply).returncode == 0
    started, good = lone.state()["StartedAt"], lone.config.read_bytes()
    lone.config.write_bytes(good + BROKEN)
    lone.add("second.gguf")
    for _ in range(2):
        done = lone.sync(SYNC_APPLY=apply)
        assert done.returncode == 1
        assert f"llama-swap does not take {lone.config} as you edited it (" in done.stdout
        assert "nowhere" in done.stdout
        assert lone.config.read_bytes() == good + BROKEN
        assert lone.listed() == {"old", "first"}
        assert lone.state()["StartedAt"] == started

    lone.config.write_bytes(good + EDITED)
    done = lone.sync(SYNC_APPLY=apply)
    assert done.returncode == 0, done.stdout
    assert lone.listed() == {"old", "first", "second"}
    assert EDITED in lone.config.read_bytes()
