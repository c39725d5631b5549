"""Every system call of a write fails in turn, and the process dies ahead of every one in turn."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llama_swap_sync.config.store import StoreError, Written
from tests.fakes.files import Call, FaultyFiles, Killed, failing_with, killed, sigkill
from tests.unit.store.room import NEW, NEWER, OLD, OLDER, Room, mounted

# A text that grows is written in another order than one that shrinks.
SHORT = b"# mine\nmodels: {}\n"
TEXTS = pytest.mark.parametrize("new", [NEW, SHORT], ids=["longer", "shorter"])
WAYS = pytest.mark.parametrize(
    ("is_mount", "new"),
    [(False, NEW), (True, NEW), (True, SHORT)],
    ids=["renamed", "overwritten by a longer text", "overwritten by a shorter text"],
)


def layers(
    folder: Path, fault: Callable[[Call], BaseException], *, is_mount: bool = False
) -> Iterator[tuple[Room, FaultyFiles]]:
    """A fresh room and a layer with its fault at call 1, 2, 3 … until a write does not meet it any more."""
    for at in itertools.count(1):
        room = Room.with_backups(folder / str(at))
        layer = FaultyFiles(at, fault)
        layer.bite = 16
        layer.mount = room.config if is_mount else None
        yield room, layer
        if layer.met is None:
            assert at > 30, "a write has more calls than that: the layer does not see them"
            return


def texts(room: Room) -> list[bytes]:
    return [backup.data for backup in room.store().backups()]


def check_next_start(room: Room, new: bytes, *, is_mount: bool) -> None:
    """Whatever happened: a new start finds a whole file and whole backups, and its write goes through."""
    store = room.store()
    store.repair()
    assert room.config.read_bytes() in (OLD, new)
    assert room.leftovers() == []
    assert texts(room)[-2:] in ([NEWER, OLDER], [OLD, NEWER])
    layer = FaultyFiles(0, killed)
    layer.mount = room.config if is_mount else None
    store = room.store(layer)
    store.write(store.read(), b"# at last\n")
    assert room.config.read_bytes() == b"# at last\n"
    assert len(texts(room)) == 2
    assert room.leftovers() == room.state_names() == []


def outcome_of(room: Room, layer: FaultyFiles, new: bytes) -> Written | StoreError:
    try:
        store = room.store(layer)
        return store.write(store.read(), new)
    except StoreError as error:
        return error


@WAYS
@pytest.mark.parametrize("code", ["ENOSPC", "EIO", "EACCES"])
def test_write_that_fails_anywhere_changes_nothing_and_one_that_does_not_is_whole(
    tmp_path: Path, code: str, new: bytes, is_mount: bool
) -> None:
    number = getattr(errno, code)
    for room, layer in layers(tmp_path, failing_with(number), is_mount=is_mount):
        outcome = outcome_of(room, layer, new)
        if isinstance(outcome, StoreError):
            assert str(outcome).startswith(str(room.folder)), layer.met
            assert "\n" not in str(outcome)
            assert room.config.read_bytes() == OLD, layer.met
            assert texts(room)[-2:] == [NEWER, OLDER], layer.met
            assert layer.met
            if ".llama-swap-sync" not in str(layer.met.path):
                assert room.state_names() == [], layer.met
        else:
            assert room.config.read_bytes() == new, layer.met
            assert texts(room)[:2] == [OLD, NEWER], layer.met
            assert bool(outcome.doubts) == (len(texts(room)) > 2), layer.met
        if layer.met is None or layer.met.name != "remove":
            assert room.leftovers() == [], layer.met
        check_next_start(room, new, is_mount=is_mount)


@WAYS
def test_process_that_dies_anywhere_leaves_a_whole_file_after_the_next_start(
    tmp_path: Path, new: bytes, is_mount: bool
) -> None:
    torn = 0
    for room, layer in layers(tmp_path, killed, is_mount=is_mount):
        try:
            store = room.store(layer)
            store.write(store.read(), new)
        except Killed:
            del store
        # With the process its kernel lock goes; on Python 3.13 its frames live in a cycle until collected.
        gc.collect()
        torn += room.config.read_bytes() not in (OLD, new)
        check_next_start(room, new, is_mount=is_mount)
    assert bool(torn) == is_mount, "only an overwrite can be seen half done, and some of these were"


def test_sigkill_ahead_of_every_system_call_of_a_rename(tmp_path: Path) -> None:
    for room, layer in layers(tmp_path, sigkill):
        if died(room, layer, NEW):
            layer.met = Call("killed", room.config)  # the child's own note of it died with the child
        assert room.config.read_bytes() in (OLD, NEW)
        check_next_start(room, NEW, is_mount=False)


@TEXTS
def test_sigkill_ahead_of_every_system_call_of_an_overwrite_of_a_real_mount(
    tmp_path: Path, new: bytes
) -> None:
    for room, layer in layers(tmp_path, sigkill):
        source = tmp_path / "mounted.yaml"
        source.write_bytes(OLD)
        with mounted("--bind", str(source), str(room.config)):
            if died(room, layer, new):
                layer.met = Call("killed", room.config)
            check_next_start(room, new, is_mount=False)
        assert source.read_bytes() == b"# at last\n"


def died(room: Room, layer: FaultyFiles, new: bytes) -> bool:
    """Whether a child that writes `new` through `layer` was killed; False when it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store = room.store(layer)
            store.write(store.read(), new)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return status != 0


@pytest.mark.parametrize("is_mount", [False, True], ids=["renamed", "overwritten on a real mount"])
def test_sigkill_at_any_moment_leaves_a_whole_file(tmp_path: Path, is_mount: bool) -> None:
    room = Room.with_backups(tmp_path / "config")
    one, other = b"# one\n" * 30_000, b"# the other\n" * 20_000
    room.config.write_bytes(one)
    if not is_mount:
        check_scattered_kills(room, one, other)
        return
    source = tmp_path / "mounted.yaml"
    source.write_bytes(one)
    with mounted("--bind", str(source), str(room.config)):
        check_scattered_kills(room, one, other)


def check_scattered_kills(room: Room, one: bytes, other: bytes) -> None:
    chance = random.Random(4)
    for _ in range(30):
        child = os.fork()
        if child == 0:
            try:
                store = room.store()
                for text in itertools.cycle((other, one)):
                    store.write(store.read(), text)
            finally:
                os._exit(1)
        time.sleep(chance.uniform(0.0, 0.03))  # the moment of the kill is the test's input
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the child failed by itself"
        room.store().repair()
        assert room.config.read_bytes() in (one, other)
        assert {*texts(room)} <= {one, other, NEWER, OLDER}
        assert len(texts(room)) >= 2
        assert room.leftovers() == []
