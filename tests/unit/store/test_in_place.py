"""Overwriting: whatever the texts, no step on the way is empty, and each can be told and undone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llama_swap_sync.config.in_place import Intent, overwrite
from llama_swap_sync.files import OsFiles
from tests.fakes.files import Call, LayeredFiles

TEXTS = st.binary(max_size=40) | st.text("ab\n", max_size=40).map(str.encode)


class WatchingFiles(LayeredFiles):
    """Keeps what a reader would have seen ahead of every call."""

    bite = 3

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.seen: list[bytes] = []

    def before(self, _: Call) -> None:
        self.seen.append(self._path.read_bytes())


def overwritten(old: bytes, new: bytes) -> tuple[bytes, list[bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(old)
        files = WatchingFiles(path)
        overwrite(files, path, old, new)
        return path.read_bytes(), files.seen


@settings(deadline=None)  # a disk's fsync takes what it takes
@given(TEXTS, TEXTS)
@example(b"same", b"same")
@example(b"a: 1\n", b"a: 1\nb: 2\n")
@example(b"a: 1\nb: 2\n", b"a: 1\n")
@example(b"a", b"")
@example(b"", b"a")
def test_new_text_arrives_and_no_step_is_shorter_than_the_shorter_text(old: bytes, new: bytes) -> None:
    result, seen = overwritten(old, new)
    assert result == new
    assert min(map(len, seen)) >= min(len(old), len(new))


@settings(deadline=None, max_examples=40)
@given(TEXTS, TEXTS)
def test_every_step_is_told_from_a_save_and_leads_back_to_the_old_text(old: bytes, new: bytes) -> None:
    intent = Intent(old, new)
    _, seen = overwritten(old, new)
    for step in seen:
        assert intent.is_halfway(step)
        assert overwritten(step, old)[0] == old


def test_text_of_another_length_or_another_byte_is_a_save() -> None:
    intent = Intent(b"old!", b"newer!")
    assert intent.is_halfway(b"ned!")
    assert intent.is_halfway(b"new!\0\0")
    assert not intent.is_halfway(b"new")
    assert not intent.is_halfway(b"newer!!")
    assert not intent.is_halfway(b"nex!")


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"same 1\n")
    written: list[bytes] = []

    class Noting(OsFiles):
        def write(self, descriptor: int, data: memoryview, offset: int) -> int:
            written.append(bytes(data))
            return super().write(descriptor, data, offset)

    overwrite(Noting(), path, b"same 1\n", b"same 2\n")
    assert written == [b"2\n"]


@given(TEXTS, TEXTS)
def test_record_of_an_intent_is_read_back_and_a_damaged_one_is_not(old: bytes, new: bytes) -> None:
    record = Intent(old, new).record()
    assert Intent.from_record(dict(record)) == Intent(old, new)
    assert Intent.from_record({**record, "old": "AAAA" + record["old"]}) is None
    assert Intent.from_record({**record, "new": "?"}) is None
    assert Intent.from_record({"old": 1}) is None
    assert Intent.from_record(None) is None
