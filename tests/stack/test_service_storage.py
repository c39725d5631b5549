"""The sync's container on folders that lie, are full, or can't be written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.lone_sync import LoneSync, NewSync, give

pytestmark = pytest.mark.stack


@contextmanager
def mounted(folder: Path, *command: str) -> Iterator[None]:
    """`command` mounts something at `folder`. Skips where that is not allowed."""
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this machine does not mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def lying(sync: LoneSync, folder: Path) -> tuple[str, ...]:
    """The command that mounts a share over `folder` which says of all that it is 1234's, whoever wrote it."""
    if not shutil.which("bindfs"):
        pytest.skip("bindfs, which makes a FUSE mount that lies about ownership, is not installed")
    real = sync.folder / f"real-{folder.name}"
    real.mkdir()
    real.chmod(0o777)
    lies = ["--force-user=1234", "--force-group=1234", "--perms=0666,a+X", "--chown-ignore", "--chmod-ignore"]
    return ("bindfs", *lies, "-o", "allow_other", str(real))


def test_shares_that_lie_about_ownership_and_ignore_chmod_are_as_good_as_any(new_sync: NewSync) -> None:
    sync = new_sync(PUID="1000", PGID="1000")
    with (
        mounted(sync.models, *lying(sync, sync.models)),
        mounted(sync.config_folder, *lying(sync, sync.config_folder)),
    ):
        sync.add_model("tiny.gguf")
        sync.start()
        sync.await_entry("tiny")
        sync.add_model("second.gguf")
        sync.await_entry("second")
        sync.await_health("healthy\n")
        assert sync.config.stat().st_uid == 1234
        assert not [line for line in sync.log().splitlines() if "warning" in line or "chown" in line]
        sync.remove()


def test_a_config_folder_that_nobody_may_write_gives_one_line_and_heals_with_chmod(new_sync: NewSync) -> None:
    sync = new_sync(PUID="1000", PGID="1000")
    give(sync, 1000, 1000)
    sync.config_folder.chmod(0o555)
    sync.add_model("tiny.gguf")
    sync.start()
    sync.await_health("run `chmod -R u+rwX` on it")
    assert "user 1000 owns the config folder and can't write to it: run `sudo chmod -R u+rwX`" in sync.log()
    sync.config_folder.chmod(0o755)
    sync.add_model("second.gguf")
    sync.await_entry("second")
    sync.await_health("healthy\n")
    assert "Traceback" not in sync.log()
    assert "Started again" not in sync.log()


def test_a_models_folder_that_can_only_be_read_is_served(new_sync: NewSync) -> None:
    sync = new_sync(PUID="1000", PGID="1000")
    give(sync, 1000, 1000)
    sync.add_model("tiny.gguf")
    sync.models.chmod(0o555)
    sync.start()
    sync.await_entry("tiny")
    sync.await_health("healthy\n")
    checked = sync.run("llama-swap-sync", "check")
    assert "readable; downloads would need to write there" in checked.stdout


def test_a_full_config_folder_leaves_the_file_as_it_is_and_heals_when_there_is_room(
    new_sync: NewSync,
) -> None:
    sync = new_sync(PUID="1000", PGID="1000")
    with mounted(sync.config_folder, "mount", "-t", "tmpfs", "-o", "size=256k", "none"):
        give(sync, 1000, 1000)
        sync.add_model("tiny.gguf")
        sync.start()
        sync.await_entry("tiny")
        await_condition(lambda: "pass" not in sync.programs(), "the pass's end")
        before = sync.config.read_bytes()
        ballast = fill(sync.config_folder)
        sync.add_model("second.gguf")
        sync.await_health("No space left on device")
        assert sync.config.read_bytes() == before
        ballast.unlink()
        sync.await_entry("second", 90)
        sync.await_health("healthy\n", 90)
        sync.remove()


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 512)
        except OSError:
            return ballast


def test_a_new_puid_over_the_files_of_an_old_one_gives_the_chown_and_heals_with_it(new_sync: NewSync) -> None:
    old = new_sync(PUID="1000", PGID="1000")
    give(old, 1000, 1000)
    old.add_model("tiny.gguf")
    old.start()
    old.await_entry("tiny")
    old.await_health("healthy\n")
    old.remove()
    new = LoneSync(old.folder, old.image, {"PUID": "1001", "PGID": "1001"})
    try:
        new.add_model("second.gguf")
        new.start()
        new.await_health("give it to 1001:1001")
        assert "sudo chown -R 1001:1001" in new.log()
        for path in (new.config_folder, *new.config_folder.rglob("*")):
            os.chown(path, 1001, 1001)
        new.add_model("third.gguf")
        new.await_entry("third")
        new.await_health("healthy\n")
    finally:
        new.remove()
