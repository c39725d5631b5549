"""A write of config.yaml: what is there afterwards, in which order it came about, what it leaves alone."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from llama_swap_sync.config.store import Changed, StoreError
from tests.fakes.files import FaultyFiles, MeddlingFiles, RecordingFiles, RefusingFiles, failing_with
from tests.unit.store.room import NEW, NOON, OLD, Room


def test_new_text_replaces_the_old_one_which_is_kept_as_a_backup(room: Room) -> None:
    store = room.store()
    written = store.write(store.read(), NEW)
    assert room.config.read_bytes() == NEW
    assert written.backup == room.folder / "config.yaml.bak.20241124_120000"
    assert written.backup.read_bytes() == OLD
    assert written.doubts == ()
    assert room.leftovers() == []
    assert room.state_names() == []


def test_everything_is_on_the_disk_before_anything_is_given_up(room: Room) -> None:
    room.max_backups = 1
    room.store().write(room.store().read(), b"models: {}\n")
    room.tick()
    files = RecordingFiles()
    store = room.store(files)
    store.write(store.read(), NEW)
    ours = [str(call) for call in files.calls if ".llama-swap-sync" not in str(call.path)]
    steps = ("write", "sync", "replace", "sync_folder", "remove")
    order = [_without_random(call) for call in ours if call.split()[0] in steps]
    assert order == [
        "write new text",
        "sync new text",
        "write new text",  # the backup, under a temporary name as well
        "sync new text",
        "replace config.yaml.bak.20241124_120001",
        "sync_folder config",
        "replace config.yaml",
        "sync_folder config",
        "remove config.yaml.bak.20241124_120000",
    ]
    assert ours.index("read config.yaml", ours.index("replace config.yaml.bak.20241124_120001")) == (
        ours.index("replace config.yaml") - 1
    ), "the comparison is the last thing before the replace"


def _without_random(call: str) -> str:
    name, _, path = call.partition(" ")
    return f"{name} new text" if path.endswith(".tmp") else call


def test_same_text_writes_nothing_and_makes_no_backup(room: Room) -> None:
    before = room.stamps()
    files = RecordingFiles()
    store = room.store(files)
    assert store.write(store.read(), OLD).backup is None
    assert room.stamps() == before
    assert [str(call) for call in files.calls] == ["stat config.yaml", "read config.yaml"]


def test_no_name_that_we_make_ends_as_llama_swap_reads_folders(room: Room) -> None:
    files = RecordingFiles()
    store = room.store(files)
    store.write(store.read(), NEW)
    made = {call.path.name for call in files.calls if call.name in ("create", "replace")} - {"config.yaml"}
    assert made
    assert not [name for name in made if name.endswith((".yaml", ".yml"))]
    assert not list(room.folder.glob("*.lock.yaml"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_mode_stays_for_file_and_backup(room: Room, mode: int) -> None:
    room.config.chmod(mode)
    store = room.store()
    written = store.write(store.read(), NEW)
    assert written.backup is not None
    assert {room.config.stat().st_mode & 0o7777, written.backup.stat().st_mode & 0o7777} == {mode}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_stay_and_the_state_belongs_to_whoever_has_the_folder(room: Room) -> None:
    os.chown(room.folder, 1234, 2345)
    os.chown(room.config, 3456, 4567)
    store = room.store()
    store.write(store.read(), NEW)
    assert (room.config.stat().st_uid, room.config.stat().st_gid) == (3456, 4567)
    state = room.folder / ".llama-swap-sync"
    assert (state.stat().st_uid, state.stat().st_gid) == (1234, 2345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_group_stays_where_the_owner_can_not_be_kept(room: Room) -> None:
    os.chown(room.config, 3456, 4567)
    files = FaultyFiles(
        1,
        failing_with(errno.EPERM),
        lambda call: (
            call.name == "change_owner" and call.path.parent == room.folder and call.path.suffix == ".tmp"
        ),
    )
    store = room.store(files)
    store.write(store.read(), NEW)
    assert (room.config.stat().st_uid, room.config.stat().st_gid) == (os.geteuid(), 4567)


def test_new_file_is_readable_for_a_llama_swap_that_is_not_root(room: Room) -> None:
    room.config.unlink()
    before = os.umask(0o077)
    try:
        store = room.store()
        written = store.write(store.read(), NEW)
    finally:
        os.umask(before)
    assert written.backup is None
    assert room.config.stat().st_mode & 0o7777 == 0o644
    assert room.config.read_bytes() == NEW


def test_new_file_may_be_empty(room: Room) -> None:
    room.config.unlink()
    store = room.store()
    store.write(store.read(), b"")
    assert room.config.read_bytes() == b""


def test_link_stays_a_link_and_its_target_is_written(room: Room, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    room.config.rename(dotfiles / "llama.conf")
    room.config.symlink_to("../dotfiles/llama.conf")
    store = room.store()
    written = store.write(store.read(), NEW)
    assert room.config.is_symlink()
    assert (dotfiles / "llama.conf").read_bytes() == NEW
    assert written.backup == dotfiles / "llama.conf.bak.20241124_120000"
    assert (dotfiles / "llama.conf.lock").exists(), "both names share one lock"


@pytest.mark.parametrize(
    "moment",
    [
        lambda call: call.name == "create" and call.path.name.endswith(".tmp"),
        lambda call: call.name == "replace" and ".bak." in call.path.name,
    ],
    ids=["while the new text is written", "while the backup is made"],
)
def test_what_a_person_saves_meanwhile_is_not_overwritten(room: Room, moment: object) -> None:
    assert callable(moment)
    theirs = b"# saved by a person\n"
    files = MeddlingFiles(moment, lambda: room.config.write_bytes(theirs))
    store = room.store(files)
    with pytest.raises(Changed) as caught:
        store.write(store.read(), NEW)
    assert str(caught.value) == (
        f"{room.config}: was saved by somebody else since it was read; nothing was written. Read it again."
    )
    assert room.config.read_bytes() == theirs
    assert room.leftovers() == []


def test_file_that_appears_meanwhile_is_not_overwritten(room: Room) -> None:
    room.config.unlink()
    store = room.store()
    nothing = store.read()
    room.config.write_bytes(b"")
    with pytest.raises(Changed):
        store.write(nothing, NEW)


def test_file_that_vanishes_meanwhile_is_not_made_again(room: Room) -> None:
    store = room.store()
    snapshot = store.read()
    room.config.unlink()
    with pytest.raises(Changed):
        store.write(snapshot, NEW)
    assert not room.config.exists()


@pytest.mark.parametrize("code", ["EINVAL", "EPERM", "ENOTSUP"])
def test_share_without_owners_modes_and_folder_sync_is_written_all_the_same(room: Room, code: str) -> None:
    number = getattr(errno, code)
    files = RefusingFiles({"change_owner": number, "change_mode": number, "sync_folder": number})
    store = room.store(files)
    written = store.write(store.read(), NEW)
    assert room.config.read_bytes() == NEW
    assert written.doubts == ()


def test_share_without_file_sync_is_written_but_a_failing_disk_is_not_ignored(room: Room) -> None:
    room.store(RefusingFiles({"sync": errno.EINVAL})).write(room.store().read(), NEW)
    assert room.config.read_bytes() == NEW
    with pytest.raises(StoreError, match="the disk or share failed"):
        room.store(RefusingFiles({"sync": errno.EIO})).write(room.store().read(), OLD)
    assert room.config.read_bytes() == NEW


def test_disk_that_does_not_confirm_the_rename_is_told_as_a_doubt(room: Room) -> None:
    room.max_backups = 0
    files = RefusingFiles({"sync_folder": errno.EIO})
    store = room.store(files)
    written = store.write(store.read(), NEW)
    assert room.config.read_bytes() == NEW
    assert written.doubts == (
        f"{room.config}: written, but the disk did not confirm it (Input/output error).",
    )


def test_second_write_in_a_second_and_a_clock_set_back_lose_no_backup(room: Room) -> None:
    store = room.store()
    for text in (b"1\n", b"2\n"):
        store.write(store.read(), text)
    room.now -= timedelta(hours=1)
    store.write(store.read(), b"3\n")
    assert [backup.data for backup in store.backups()] == [b"2\n", b"1\n", OLD]
    assert room.backup_names() == [f"config.yaml.bak.20241124_12000{n}" for n in range(3)]


def test_oldest_backups_go_and_what_a_person_keeps_there_stays(room: Room) -> None:
    room.max_backups = 2
    foreign = [
        "config.yaml.bak",
        "config.yaml.bak.before",
        "config.yaml.bak.99999999_999999",
        "b.yaml.bak.20200101_000000",
        "config.yaml.bak.20200101_000000.mine",
    ]
    for name in foreign:
        (room.folder / name).write_bytes(b"keep")
    store = room.store()
    for text in (b"1\n", b"2\n", b"3\n", b"4\n"):
        room.tick()
        store.write(store.read(), text)
    assert [backup.data for backup in store.backups()] == [b"3\n", b"2\n"]
    assert all((room.folder / name).read_bytes() == b"keep" for name in foreign)


def test_no_backups_wanted_makes_none_and_removes_none(room: Room) -> None:
    store = room.store()
    store.write(store.read(), NEW)
    room.max_backups = 0
    room.tick()
    store = room.store()
    assert store.write(store.read(), b"x\n").backup is None
    assert room.backup_names() == ["config.yaml.bak.20241124_120000"]


def test_text_that_is_refused_again_and_again_pushes_no_good_backup_out(room: Room) -> None:
    store = room.store()
    for text in (b"good 1\n", b"good 2\n", b"good 3\n"):
        room.tick()
        store.write(store.read(), text)
    for attempt in range(5):
        room.tick()
        written = store.write(store.read(), b"refused %d\n" % attempt)
        assert written.backup is not None
        store.write(store.read(), written.backup.read_bytes(), backup=False)
    assert room.config.read_bytes() == b"good 3\n"
    assert [backup.data for backup in store.backups()] == [b"good 3\n", b"good 2\n", b"good 1\n"]


def test_backup_that_can_not_be_removed_is_told_as_a_doubt(room: Room) -> None:
    room.max_backups = 1
    room.store().write(room.store().read(), b"1\n")
    room.tick()

    files = FaultyFiles(
        1, failing_with(errno.EACCES), lambda call: call.name == "remove" and ".bak." in call.path.name
    )
    store = room.store(files)
    written = store.write(store.read(), b"2\n")
    assert written.doubts == (f"{room.config}: the oldest backups can't be removed (Permission denied).",)
    assert room.config.read_bytes() == b"2\n"


def test_backup_says_when_it_was_made_and_reads_its_bytes_only_when_asked(room: Room) -> None:
    store = room.store()
    store.write(store.read(), NEW)
    files = RecordingFiles()
    (backup,) = room.store(files).backups()
    assert (backup.when, backup.stamp) == (NOON, "20241124_120000")
    assert not [call for call in files.calls if call.name == "read"]
    assert backup.data == OLD
