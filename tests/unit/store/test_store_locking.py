"""One writer at a time, and nobody waits for a dead one."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from llama_swap_sync.config.store import Changed, Locked, StoreError
from llama_swap_sync.state import State
from tests.unit.store.room import NEW, OLD, Room


@contextmanager
def child_with_lock(room: Room) -> Iterator[int]:
    """A process that holds the lock during the block, and is killed with it at the end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with room.store().lock():
                os.write(writer, b"x")
                signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    try:
        assert os.read(reader, 1) == b"x", "the child died before it had the lock"
        yield child
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_second_run_is_refused_at_once_and_told_who_holds_the_lock(room: Room) -> None:
    with child_with_lock(room) as pid, pytest.raises(Locked) as caught:
        room.store().write(room.store().read(), NEW)
    assert str(caught.value) == (
        f"{room.config}: locked by another run of llama-swap-sync (process {pid} on {os.uname().nodename},"
        " since 2024-11-24 12:00:00); nothing was changed. Try again when it has ended."
    )
    assert caught.value.exit_code == 1
    assert isinstance(caught.value, BlockingIOError)
    assert room.config.read_bytes() == OLD


def test_holder_that_left_no_note_is_named_as_another_run(room: Room) -> None:
    with child_with_lock(room):
        State.beside(room.config).forget("config.yaml.lock")
        with pytest.raises(Locked) as caught:
            room.store().write(room.store().read(), NEW)
    assert "locked by another run of llama-swap-sync; nothing was changed" in str(caught.value)


def test_run_that_was_killed_with_the_lock_blocks_nobody(room: Room) -> None:
    with child_with_lock(room):
        pass
    assert (room.folder / "config.yaml.lock").exists()
    store = room.store()
    store.write(store.read(), NEW)
    assert room.config.read_bytes() == NEW


def test_lock_may_be_nested_and_is_free_after_the_last_block(room: Room) -> None:
    store = room.store()
    with store.lock():
        store.write(store.read(), NEW)
        with pytest.raises(Locked):
            room.store().write(room.store().read(), OLD)
    room.store().write(room.store().read(), OLD)
    assert room.config.read_bytes() == OLD
    assert room.state_names() == []


def test_lock_is_free_after_an_error_in_the_block(room: Room) -> None:
    with pytest.raises(ZeroDivisionError), room.store().lock():
        raise ZeroDivisionError
    with room.store().lock():
        pass


def test_lock_file_of_root_does_not_shut_out_another_user(room: Room) -> None:
    with room.store().lock():
        pass
    assert (room.folder / "config.yaml.lock").stat().st_mode & 0o777 == 0o666


def test_lock_of_a_folder_that_is_not_there_does_not_make_it(room: Room) -> None:
    missing = Room(room.folder / "typo")
    with pytest.raises(StoreError, match=r"create the folder .*/typo, or let CONFIG_PATH"):
        missing.store().lock().__enter__()
    assert not missing.folder.exists()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_share_without_locks_is_written_all_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_flock(_descriptor: int, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", no_flock)
    store = room.store()
    with store.lock():
        store.write(store.read(), NEW)
    assert room.config.read_bytes() == NEW


def test_live_run_is_not_tidied_up_behind_its_back(room: Room) -> None:
    live = room.folder / ".config.yaml.0123abcd.tmp"
    with child_with_lock(room):
        live.write_bytes(b"half")
        with pytest.raises(Locked):
            room.store().repair()
    assert live.exists()
    assert room.store().repair() == (
        f"{room.folder}: removed what an interrupted run left (.config.yaml.0123abcd.tmp)."
    )
    assert not live.exists()


def test_repair_of_a_folder_in_order_writes_nothing(room: Room) -> None:
    assert room.store().repair() is None
    assert [path.name for path in room.folder.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("locked", [True, False], ids=["under the lock", "reading before the lock"])
def test_two_processes_writing_at_once_lose_no_edit(room: Room, locked: bool) -> None:
    room.config.write_bytes(b"0\n")
    each = 15
    children = [forked(lambda: count_up(room, each, locked)) for _ in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert room.config.read_bytes() == b"%d\n" % (2 * each)
    assert all(re.fullmatch(rb"\d+\n", backup.data) for backup in room.store().backups())
    assert room.leftovers() == room.state_names() == []


def forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def count_up(room: Room, times: int, locked: bool) -> None:
    store = room.store()
    while times:
        try:
            with store.lock() if locked else nullcontext():
                snapshot = store.read()
                store.write(snapshot, b"%d\n" % (int(snapshot.data) + 1))
        except (Locked, Changed):
            continue
        times -= 1
