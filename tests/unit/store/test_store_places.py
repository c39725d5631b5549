"""Places that a config.yaml can't be read from or written to: one line says what, where and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from llama_swap_sync.config.in_place import Intent, Journal
from llama_swap_sync.config.store import Changed, StoreError
from llama_swap_sync.state import State
from tests.fakes.files import LayeredFiles, MeddlingFiles, RecordingFiles, RefusingFiles
from tests.unit.store.room import NEW, OLD, Room, mounted

US = f"{os.geteuid()}:{os.getegid()}"


def refusal_of_read(room: Room, files: LayeredFiles | None = None) -> str:
    with pytest.raises(StoreError) as caught:
        room.store(files).read()
    assert caught.value.exit_code == 1
    assert isinstance(caught.value, OSError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal_of_write(room: Room, files: LayeredFiles | None = None) -> str:
    store = room.store(files)
    snapshot = store.read()
    with pytest.raises(StoreError) as caught:
        store.write(snapshot, NEW)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_file_that_is_absent_counts_as_empty(room: Room) -> None:
    room.config.unlink()
    snapshot = room.store().read()
    assert (snapshot.data, snapshot.existed, snapshot.stamp) == (b"", False, None)


def test_snapshot_has_the_bytes_and_the_stamp(room: Room) -> None:
    snapshot = room.store().read()
    status = room.config.stat()
    assert (snapshot.data, snapshot.existed) == (OLD, True)
    assert snapshot.stamp == (len(OLD), status.st_mtime_ns, status.st_ino, status.st_dev)


def test_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    room = Room(tmp_path / "typo")
    assert refusal_of_read(room) == (
        f"{room.config}: can't be read (No such file or directory); create the folder {room.folder}, or let"
        " CONFIG_PATH and LLAMA_SWAP_CONFIG name the right one."
    )


def test_config_that_is_a_folder_says_where_that_comes_from(room: Room) -> None:
    room.config.unlink()
    room.config.mkdir()
    assert refusal_of_read(room) == (
        f"{room.config}: is a folder, as Docker makes one where a file to mount is missing: remove it, then"
        " let CONFIG_PATH name the folder that holds config.yaml and LLAMA_SWAP_CONFIG the file itself."
    )


def test_pipe_is_refused_and_not_waited_for(room: Room) -> None:
    room.config.unlink()
    os.mkfifo(room.config)
    assert refusal_of_read(room) == (
        f"{room.config}: is no regular file: let LLAMA_SWAP_CONFIG name a text file."
    )


def test_link_that_leads_in_a_circle_is_refused(room: Room) -> None:
    room.config.unlink()
    room.config.symlink_to("config.yaml")
    assert "can't be read (Too many levels of symbolic links)" in refusal_of_read(room)


def test_file_that_may_not_be_read_says_who_we_are(room: Room) -> None:
    assert refusal_of_read(room, RefusingFiles({"read": errno.EACCES})) == (
        f"{room.config}: can't be read (Permission denied); this runs as {US}, who owns {room.folder}:"
        " run `chmod -R u+rwX` on it."
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_file_of_somebody_else_that_may_not_be_read_says_whose_it_should_be(room: Room) -> None:
    os.chown(room.config, 1234, 1234)
    assert refusal_of_read(room, RefusingFiles({"read": errno.EACCES})) == (
        f"{room.config}: can't be read (Permission denied); this runs as {US}: set PUID and PGID to the owner"
        f" of {room.folder}, or give it to {US}."
    )


def test_full_disk_says_so_and_changes_nothing(room: Room) -> None:
    assert refusal_of_write(room, RefusingFiles({"write": errno.ENOSPC})) == (
        f"{room.config}: can't be written (No space left on device); the disk or quota is full: free some"
        " space, then run again."
    )
    assert room.config.read_bytes() == OLD


def test_really_full_disk_leaves_file_and_backups_whole(room: Room) -> None:
    with mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(room.folder)):
        room.config.write_bytes(OLD)
        store = room.store()
        store.write(store.read(), NEW)
        filler = room.folder / "filler"
        fill(filler)
        room.tick()
        with pytest.raises(StoreError, match=r"can't be written \(No space left on device\)"):
            store.write(store.read(), NEW * 1000)
        assert room.config.read_bytes() == NEW
        assert [backup.data for backup in store.backups()] == [OLD]
        filler.unlink()
        assert room.leftovers() == []
        store.write(store.read(), NEW * 1000)
        assert room.config.read_bytes() == NEW * 1000


def fill(path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        path.write_bytes(b"\0" * (1 << 20))


def test_folder_that_is_really_mounted_read_only_says_what_to_drop(room: Room) -> None:
    with mounted("--bind", "-o", "ro", str(room.folder), str(room.folder)):
        assert refusal_of_write(room) == (
            f"{room.config}: can't be locked (Read-only file system); it is mounted read-only: drop `:ro`"
            " from the volume that holds it."
        )
        assert room.store().repair() is None
    assert [path.name for path in room.folder.iterdir()] == ["config.yaml"]


def test_folder_that_turns_read_only_meanwhile_is_reported(room: Room) -> None:
    assert "drop `:ro` from the volume" in refusal_of_write(room, RefusingFiles({"replace": errno.EROFS}))
    assert room.config.read_bytes() == OLD


def test_really_mounted_single_file_is_overwritten_and_keeps_its_inode(room: Room, tmp_path: Path) -> None:
    source = tmp_path / "elsewhere.yaml"
    source.write_bytes(OLD)
    with mounted("--bind", str(source), str(room.config)):
        inode = room.config.stat().st_ino
        store = room.store()
        written = store.write(store.read(), NEW)
        assert written.backup is not None
        assert written.backup.read_bytes() == OLD
        assert (room.config.read_bytes(), room.config.stat().st_ino) == (NEW, inode)
        room.max_backups = 0
        store = room.store()
        assert store.write(store.read(), b"short\n").backup is None
        assert room.config.read_bytes() == b"short\n"
        assert room.leftovers() == room.state_names() == []
    assert source.read_bytes() == b"short\n"


def mount_in(room: Room, files: LayeredFiles) -> None:
    files.mount = room.config


def test_mounted_file_without_a_place_for_the_journal_is_not_touched(room: Room) -> None:
    files = RefusingFiles({"make_folder": errno.EROFS})
    mount_in(room, files)
    assert refusal_of_write(room, files) == (
        f"{room.config}: is mounted as a single file, and {room.folder} can't keep the journal that"
        " overwriting it needs; nothing was changed. Mount the folder instead (CONFIG_PATH)."
    )
    assert room.config.read_bytes() == OLD


def test_journal_is_on_the_disk_before_the_first_byte_is_overwritten(room: Room) -> None:
    files = RecordingFiles()
    mount_in(room, files)
    store = room.store(files)
    store.write(store.read(), NEW)
    calls = [str(call) for call in files.calls]
    start = calls.index("open_for_update config.yaml")
    assert calls[start - 2 : start] == ["replace config.yaml.in-place.json", "sync_folder .llama-swap-sync"]
    overwriting = [call.split()[0] for call in calls[start : calls.index("remove config.yaml.in-place.json")]]
    assert overwriting == ["open_for_update", "write", "sync", "write", "sync", "close"]


def test_journal_of_a_file_with_keys_is_as_private_as_the_file(room: Room) -> None:
    room.config.chmod(0o600)
    journal = room.folder / ".llama-swap-sync" / "config.yaml.in-place.json"
    modes: list[int] = []
    files = MeddlingFiles(
        lambda call: call.name == "open_for_update", lambda: modes.append(journal.stat().st_mode & 0o777)
    )
    mount_in(room, files)
    store = room.store(files)
    store.write(store.read(), NEW)
    assert modes == [0o600]


def test_what_a_person_saves_into_a_mounted_file_meanwhile_is_not_overwritten(room: Room) -> None:
    theirs = b"# saved by a person\n"
    files = MeddlingFiles(
        lambda call: call.name == "replace" and call.path == room.config,
        lambda: room.config.write_bytes(theirs),
    )
    mount_in(room, files)
    store = room.store(files)
    snapshot = store.read()
    with pytest.raises(Changed):
        store.write(snapshot, NEW)
    assert room.config.read_bytes() == theirs
    assert room.leftovers() == room.state_names() == []


def test_mounted_file_that_can_not_be_put_back_says_so_and_is_put_back_at_the_next_start(room: Room) -> None:
    files = RefusingFiles({"sync config.yaml": errno.EIO, "truncate config.yaml": errno.EIO})
    mount_in(room, files)
    assert refusal_of_write(room, files) == (
        f"{room.config}: may be half written (Input/output error), and the next start puts it right from the"
        " journal. Until then: the disk or share failed: look into the system's log, then run again."
    )
    assert room.config.read_bytes() not in (OLD, NEW)
    store = room.store()
    assert store.repair() is not None
    assert room.config.read_bytes() == OLD


def test_what_a_person_saved_after_an_interrupted_overwrite_is_left_alone(room: Room) -> None:
    journal = Journal(State.beside(room.config), room.config)
    journal.open(Intent(OLD, NEW), 0o600)
    assert (room.folder / ".llama-swap-sync/config.yaml.in-place.json").stat().st_mode & 0o777 == 0o600
    theirs = b"# repaired by hand\nmodels: {}\n"
    room.config.write_bytes(theirs)
    assert room.store().repair() is None
    assert room.config.read_bytes() == theirs
    assert room.state_names() == []


def test_half_an_overwrite_is_undone_and_said(room: Room) -> None:
    Journal(State.beside(room.config), room.config).open(Intent(OLD, NEW), 0o644)
    room.config.write_bytes(NEW[:-3])
    assert room.store().repair() == (
        f"{room.config}: a write was interrupted half way; the text from before is back."
    )
    assert room.config.read_bytes() == OLD
    assert room.store().repair() is None


def test_half_a_file_is_never_taken_for_what_a_person_wrote(room: Room) -> None:
    Journal(State.beside(room.config), room.config).open(Intent(OLD, NEW), 0o644)
    room.config.write_bytes(NEW[:-3])
    store = room.store()
    half = store.read()
    with pytest.raises(Changed):
        store.write(half, b"planned on half a file\n")
    assert room.config.read_bytes() == OLD
    assert room.backup_names() == []


def test_busy_place_of_a_file_that_is_not_there_is_no_mounted_file(room: Room) -> None:
    room.config.unlink()
    files = LayeredFiles()
    mount_in(room, files)
    assert "can't be written (Device or resource busy)" in refusal_of_write(room, files)
    assert room.leftovers() == room.state_names() == []
