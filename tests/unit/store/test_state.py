"""What is remembered between runs is whole or absent, and never the reason that a run fails."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama_swap_sync.files import OsFiles
from llama_swap_sync.state import State
from tests.fakes.files import FaultyFiles, Killed, LayeredFiles, RecordingFiles, failing_with, killed
from tests.unit.store.room import mounted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".llama-swap-sync"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(value=st.dictionaries(st.text(), JSON, max_size=4))
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]
) -> None:
    state = State(tmp_path_factory.mktemp("state"))
    assert state.write("pass", value)
    assert state.read("pass") == value


def test_file_is_json_with_a_version_that_everybody_may_read(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        assert State(folder).write("last-pass", {"ok": True})
    finally:
        os.umask(before)
    path = folder / "last-pass.json"
    assert json.loads(path.read_text()) == {"version": 1, "value": {"ok": True}}
    assert path.stat().st_mode & 0o777 == 0o644
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2, "value": {}}',
        '{"value": {}}',
        '{"version": 1, "value": 3}',
        "[" * 100_000,
    ],
    ids=["empty", "cut", "list", "null", "newer version", "no version", "no mapping", "deep"],
)
def test_file_that_is_damaged_or_of_another_version_counts_as_absent(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "last-pass.json").write_text(text)
    assert State(folder).read("last-pass") is None
    assert State(folder).write("last-pass", {"n": 1})
    assert State(folder).read("last-pass") == {"n": 1}


def test_binary_and_unreadable_files_count_as_absent(folder: Path) -> None:
    folder.mkdir()
    (folder / "junk.json").write_bytes(b"\xff\xfe\x00")
    (folder / "folder.json").mkdir()
    state = State(folder)
    assert [state.read(name) for name in ("junk", "folder", "absent")] == [None] * 3


def test_forgotten_is_absent_and_may_be_forgotten_again(folder: Path) -> None:
    state = State(folder)
    state.write("refused", {"plan": "x"})
    state.forget("refused")
    state.forget("refused")
    assert state.read("refused") is None


def test_folder_that_is_really_read_only_gives_false(folder: Path) -> None:
    folder.mkdir()
    with mounted("--bind", "-o", "ro", str(folder), str(folder)):
        assert State(folder).write("last-pass", {}) is False
        State(folder).forget("last-pass")
    assert list(folder.iterdir()) == []


def test_folder_whose_own_folder_is_missing_gives_false(tmp_path: Path) -> None:
    assert State(tmp_path / "missing" / "state").write("last-pass", {}) is False


def test_text_is_on_the_disk_before_it_takes_the_place_of_the_old_one(folder: Path) -> None:
    files = RecordingFiles()
    State(folder, files).write("last-pass", {})
    steps = [call.name for call in files.calls if call.name in ("write", "sync", "replace", "sync_folder")]
    assert steps == ["write", "sync", "replace", "sync_folder"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_write_that_fails_anywhere_leaves_the_old_value_or_the_new_one(tmp_path: Path, code: int) -> None:
    for at in range(1, 40):
        state = State(tmp_path / str(at))
        state.write("pass", {"n": 1})
        layer = FaultyFiles(at, failing_with(code))
        took_place = State(state.folder, layer).write("pass", {"n": 2})
        assert state.read("pass") in ({"n": 1}, {"n": 2})
        assert not took_place or state.read("pass") == {"n": 2}
        if layer.met is None or layer.met.name != "remove":
            assert [path.name for path in state.folder.iterdir()] == ["pass.json"], layer.met
        assert state.write("pass", {"n": 3})
        assert [path.name for path in state.folder.iterdir()] == ["pass.json"]
        if layer.met is None:
            return
    raise AssertionError("the write never got through")


def test_process_that_dies_anywhere_leaves_the_old_value_or_the_new_one(tmp_path: Path) -> None:
    layer = LayeredFiles()
    for at in range(1, 40):
        state = State(tmp_path / str(at), OsFiles())
        state.write("pass", {"n": 1})
        layer = FaultyFiles(at, killed)
        try:
            State(state.folder, layer).write("pass", {"n": 2})
        except Killed:
            assert state.read("pass") in ({"n": 1}, {"n": 2})
        assert state.write("pass", {"n": 3})
        assert [path.name for path in state.folder.iterdir()] == ["pass.json"]
        if layer.met is None:
            return
    raise AssertionError("the write never got through")
