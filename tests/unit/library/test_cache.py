"""Headers are read once, believed only at the same stamp, and their keep is safe to delete or to damage."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llama_swap_sync.library import cache
from llama_swap_sync.library.cache import Headers
from llama_swap_sync.library.header import Header, Refusal, kept, restored
from llama_swap_sync.library.models import understand
from llama_swap_sync.library.scan import look
from llama_swap_sync.state import State
from tests.gguf_bytes import lay, model_bytes


class Reads:
    """Counts how often a file is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self._open = os.open
        monkeypatch.setattr(os, "open", self)

    def __call__(self, path: os.PathLike[str], flags: int) -> int:
        self.paths.append(Path(path).name)
        return self._open(path, flags)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay(tmp_path / "models", {"a.gguf": model_bytes(general__name="A"), "b.gguf": b"<html>"})


@pytest.fixture
def state(tmp_path: Path) -> State:
    (tmp_path / "config").mkdir()
    return State(tmp_path / "config" / ".state")


def ask(root: Path, state: State | None) -> tuple[Any, ...]:
    headers = Headers(state)
    library = understand(root, look(root), headers)
    headers.save()
    return library.models, library.left_out


def test_second_run_reads_nothing_and_says_the_same(
    root: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(root, state)
    reads = Reads(monkeypatch)
    assert ask(root, state) == first
    assert [path for path in reads.paths if path.endswith(".gguf")] == []


@pytest.mark.parametrize("change", ["replaced in place", "touched", "grown"])
def test_changed_file_is_read_anew(root: Path, state: State, change: str) -> None:
    ask(root, state)
    file = root / "a.gguf"
    before = file.stat()
    if change == "replaced in place":
        lay(root, {"new": model_bytes(general__name="B")})
        os.utime(root / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        (root / "new").replace(file)
    elif change == "touched":
        file.write_bytes(model_bytes(general__name="B"))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    else:
        file.write_bytes(model_bytes(general__name="B") + b"\0")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    ((model,), _) = ask(root, state)
    assert model.name == "B"


def test_file_that_changes_between_look_and_read_is_incomplete_and_not_kept(root: Path, state: State) -> None:
    seen = look(root)
    (root / "a.gguf").write_bytes(model_bytes(general__name="Longer than before"))
    headers = Headers(state)
    library = understand(root, seen, headers)
    headers.save()
    assert library.models == ()
    (changing,) = (item for item in library.left_out if item.path == "a.gguf")
    assert (changing.state, changing.reason) == (
        "incomplete",
        "changing while it is looked at: still being copied",
    )
    ((model,), _) = ask(root, state)
    assert model.name == "Longer than before"


def test_file_that_can_not_be_opened_is_named_and_asked_again(
    root: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: object, *_: int) -> int:
        raise OSError(5, "Input/output error", path)

    with monkeypatch.context() as broken:
        broken.setattr(os, "open", refusing)
        models, left_out = (understand(root, look(root), Headers(state)).models, ask(root, None)[1])
    assert models == ()
    assert left_out[0].reason == "can't be read (Input/output error): check its rights and the disk"
    assert left_out[0].state == "refused"
    ((model,), _) = ask(root, state)
    assert model.name == "A"


def test_pipe_in_place_of_the_file_does_not_block(root: Path) -> None:
    seen = look(root)
    (root / "a.gguf").unlink()
    os.mkfifo(root / "a.gguf")
    assert understand(root, seen, Headers()).models == ()


def test_forgotten_files_leave_the_keep_and_idle_runs_write_nothing(root: Path, state: State) -> None:
    ask(root, state)
    written = state.folder / "headers.json"
    before = written.stat().st_mtime_ns, written.stat().st_ino
    ask(root, state)
    assert (written.stat().st_mtime_ns, written.stat().st_ino) == before
    (root / "b.gguf").unlink()
    ask(root, state)
    kept_value = state.read("headers")
    assert kept_value is not None
    assert list(kept_value["files"]) == ["a.gguf"]


def test_without_a_keep_nothing_is_written(root: Path, tmp_path: Path) -> None:
    ask(root, None)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


class Told:
    """A keep that says what it is told to."""

    def __init__(self, value: dict[str, Any] | None) -> None:
        self.value = value

    def read(self, name: str) -> dict[str, Any] | None:
        assert name == "headers"
        return self.value

    def write(self, name: str, value: Mapping[str, Any]) -> bool:
        self.value = {**value, "name": name}
        return True


def test_damaged_keep_is_read_past(root: Path) -> None:
    stamp = list(look(root).files["a.gguf"])
    damaged: list[object] = [
        None,
        [],
        {"a.gguf": 3},
        {"a.gguf": [stamp]},
        {"a.gguf": [stamp, {"architecture": "llama"}]},
        {"a.gguf": [stamp[:3], kept(Refusal("x"))]},
        {"a.gguf": [None, kept(Refusal("x"))]},
        {"a.gguf": [stamp, {"reason": 5, "incomplete": False}]},
    ]
    for files in damaged:
        headers = Headers(Told({"reader": cache.READER, "files": files}))
        assert [model.name for model in understand(root, look(root), headers).models] == ["A"]
        headers.save()


def test_keep_of_another_reader_is_not_believed(root: Path) -> None:
    files = {"a.gguf": [list(look(root).files["a.gguf"]), kept(Refusal("no"))]}
    for reader, believed in ((cache.READER, True), (cache.READER + 1, False)):
        headers = Headers(Told({"reader": reader, "files": files}))
        assert (understand(root, look(root), headers).models == ()) is believed


def test_headers_and_refusals_survive_json(root: Path) -> None:
    headers = Headers()
    for path, stamp in look(root).files.items():
        header = headers.header(root, path, stamp)
        assert isinstance(header, Header) == (path == "a.gguf")
        assert restored(json.loads(json.dumps(kept(header)))) == header
