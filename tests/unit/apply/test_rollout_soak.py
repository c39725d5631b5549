"""A hundred models in a hundred intervals: as many restarts as changes, and nothing that grows."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from llama_swap_sync.apply.outcome import Kind
from tests.unit.apply.room import House, house

COUNT = 100


def test_a_hundred_models_are_a_hundred_restarts_and_none_between(tmp_path: Path) -> None:
    home = house(tmp_path)
    for number in range(COUNT):
        home.library.append(f"new{number}.gguf")
        assert home.roll_out().kind is Kind.APPLIED
        assert home.roll_out().kind is Kind.NOTHING
    assert (home.box.restarts_asked, home.box.reloads) == (COUNT, 0)
    assert home.box.models == {"old", *(f"new{number}" for number in range(COUNT))}


def test_a_hundred_models_leave_neither_files_nor_descriptors_behind(tmp_path: Path) -> None:
    home = house(tmp_path)
    for number in range(COUNT):
        home.library.append(f"new{number}.gguf")
        home.roll_out()
        if number == 4:
            early = descriptors(), files(home)
    assert (descriptors(), files(home)) == early


def test_passes_without_a_change_keep_no_memory(tmp_path: Path) -> None:
    home = house(tmp_path)
    home.library.append("new.gguf")
    home.roll_out()
    tracemalloc.start()
    try:
        first, *_, last = [memory_after_a_pass(home) for _ in range(COUNT)]
    finally:
        tracemalloc.stop()
    assert last - first < 20_000


def memory_after_a_pass(home: House) -> int:
    assert home.roll_out().kind is Kind.NOTHING
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def files(home: House) -> int:
    return sum(1 for path in home.folder.rglob("*") if path.is_file())
