"""Pauses, progress, stalls, records of declared models, and the menu: the pure parts."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.commands.update import NotAChoice, picked
from llama_swap_sync.hub import declared
from llama_swap_sync.hub.checksum import Checksum
from llama_swap_sync.hub.declared import Record
from llama_swap_sync.hub.download import Order
from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.progress import Bar, Lines, follower
from llama_swap_sync.hub.retrying import LONGEST_PAUSE, Patience
from llama_swap_sync.hub.stall import Stalled, watched
from llama_swap_sync.hub.updates import Update

FILE = HubFile("a.gguf", 1000, "0" * 64)
UPDATES = tuple(Update(Order(Listing(f"o/r{n}", "c", (FILE,)), "main", (FILE,)), (FILE,)) for n in (1, 2, 3))


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert list(Patience(9, 10.0).pauses()) == [10, 20, 40, 80, 160, 320, 640, LONGEST_PAUSE, LONGEST_PAUSE]
    assert list(Patience(0, 10.0).pauses()) == []


def test_a_log_gets_a_line_every_tenth_and_none_for_what_was_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = Lines("m.gguf", 1000, 350, clock=iter(range(100)).__next__)
    for done in range(350, 1001, 7):
        lines.at(done)
    lines.at(1000)
    tenths = [record.getMessage().split(" %")[0] for record in caplog.records]
    assert tenths == [f"m.gguf: {tenth}" for tenth in range(40, 101, 10)]


def test_a_terminal_gets_one_line_that_is_drawn_over_itself() -> None:
    stream = io.StringIO()
    bar = Bar("m.gguf", 2_000_000, 0, clock=iter(range(100)).__next__, stream=stream)
    bar.at(1_000_000)
    bar.at(2_000_000)
    bar.end()
    drawn = stream.getvalue().split("\r")
    assert drawn[2].startswith("m.gguf [############............]  50 % of 2.0 MB, ")
    assert stream.getvalue().count("\n") == 1
    assert "left" not in drawn[-1]


def test_only_a_terminal_gets_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert follower(io.StringIO()) is Lines
    assert follower(Terminal()) is Bar


def test_a_trickle_is_a_stall_and_a_slow_line_is_not() -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield from (bytes(size) for _ in range(100))

    ticking = iter(range(1000)).__next__
    assert sum(map(len, watched(chunks(2048), 10, ticking))) == 204800
    with pytest.raises(Stalled):
        list(watched(chunks(10), 10, iter(range(1000)).__next__))


def test_a_failed_model_waits_longer_each_time_but_never_longer_than_five_hours() -> None:
    record, pauses = Record(), []
    for _ in range(12):
        record = record.failed(1000.0)
        pauses.append(record.not_before - 1000.0)
    assert pauses[:4] == [50, 100, 200, 400]
    assert pauses[-1] == 5 * 3600
    assert not record.is_due(1001.0)
    assert record.is_due(1000.0 + 5 * 3600)
    assert record.is_due(-1e6), "a clock that was set back"


def test_records_survive_the_state_and_a_damaged_state_counts_as_none() -> None:
    records = {"o/r:Q8_0": Record(("o/r/a.gguf",), 2, 5.5), "o/x": Record()}
    assert declared.read(declared.as_dict(records)) == records
    assert declared.read(None) == {}
    assert declared.read({"models": {"o/r": {"files": 3}, "o/x": "?"}}) == {}


def test_models_come_smallest_first() -> None:
    assert declared.largest_last({"a": 30, "b": 10, "c": 20}, ["a", "b", "c", "failed"]) == ["b", "c", "a"]


def test_a_model_is_there_when_all_its_files_are() -> None:
    record = Record(("a", "b"))
    assert record.is_there({"a", "b"}.__contains__)
    assert not record.is_there({"a"}.__contains__)
    assert not Record().is_there(lambda _: True)


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [("1,3\n", [1, 3]), ("3 1", [3, 1]), ("2, 2", [2]), ("ALL", [1, 2, 3]), ("0", []), ("\n", [])],
)
def test_the_menu_understands_numbers_all_and_0(answer: str, numbers: list[int]) -> None:
    assert picked(answer, UPDATES) == tuple(UPDATES[number - 1] for number in numbers)


@pytest.mark.parametrize("answer", ["4", "1,9", "one", "-1", "1;2", "0,1"])
def test_the_menu_refuses_the_rest(answer: str) -> None:
    with pytest.raises(NotAChoice, match="picks nothing: type numbers from 1 to 3, all, or 0"):
        picked(answer, UPDATES)


@given(st.binary(max_size=10_000))
def test_a_checksum_file_reads_back(data: bytes) -> None:
    import hashlib
    import tempfile
    from pathlib import Path

    from llama_swap_sync.hub import checksum

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "we ird@.gguf"
        place.write_bytes(data)
        seen: list[int] = []
        found = checksum.sha256_of(place, seen.append)
        assert found == hashlib.sha256(data).hexdigest() == checksum.sha256_of(place)
        assert sum(seen) == len(data)
        mark = Checksum(found, "refs/pr/1")
        checksum.beside(place).write_text(mark.text(place.name))
        assert checksum.read(place) == mark
