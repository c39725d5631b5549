"""The config file as it was at one moment, and whether it still is."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from llama_swap_sync.config.store_errors import IS_A_FOLDER, Changed, StoreError, explained
from llama_swap_sync.files import Files


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All bytes of the file; `stamp` is (size, mtime in ns, inode, device), None when it was absent."""

    data: bytes
    existed: bool
    stamp: tuple[int, int, int, int] | None


def take_snapshot(files: Files, path: Path) -> Snapshot:
    """The file as it is; absent counts as empty. Raises StoreError (unreadable, a folder …)."""
    with explained(path, "read"):
        try:
            status = files.stat(path)
        except FileNotFoundError:
            files.stat(path.parent)
            return Snapshot(b"", existed=False, stamp=None)
        if stat.S_ISDIR(status.st_mode):
            raise StoreError(path, IS_A_FOLDER)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(path, "is no regular file: let LLAMA_SWAP_CONFIG name a text file.")
        stamp = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
        return Snapshot(files.read(path), existed=True, stamp=stamp)


def require_unchanged(files: Files, path: Path, snapshot: Snapshot) -> None:
    """Raises Changed unless the file still is the snapshot, StoreError when it can't be read.

    By content: a stamp is too coarse on SMB and FAT (2 s), and the file is small.
    """
    found = take_snapshot(files, path)
    if (found.existed, found.data) != (snapshot.existed, snapshot.data):
        raise Changed(path)
