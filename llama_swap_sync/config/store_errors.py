"""What the store can't do, as one line that says what, where and what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llama_swap_sync.errors import SyncError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM})


class StoreError(SyncError, OSError):
    """The config file can't be read or written; `path` says which, `str()` what to do."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


class Changed(StoreError):  # noqa: N818 - the word of the contract between rooms
    """Somebody saved the file since it was read: nothing was written. Read again, plan on the new text."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "was saved by somebody else since it was read; nothing was written. Read it again."
        )


@contextmanager
def explained(path: Path, deed: str) -> Iterator[None]:
    """Turns an OSError of the block into a StoreError: "PATH: can't be DEED (why); what to do"."""
    try:
        yield
    except SyncError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(path, f"can't be {deed} ({reason}); {advice(error, path)}") from error


def advice(error: OSError, path: Path) -> str:
    """What the person at the box does about `error`, in half a sentence."""
    if error.errno == errno.EISDIR:
        return IS_A_FOLDER
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return (
            f"create the folder {path.parent}, or let CONFIG_PATH and LLAMA_SWAP_CONFIG name the right one."
        )
    if error.errno in _FULL:
        return "the disk or quota is full: free some space, then run again."
    if error.errno == errno.EROFS:
        return "it is mounted read-only: drop `:ro` from the volume that holds it."
    if error.errno in _DENIED:
        us = f"{os.geteuid()}:{os.getegid()}"
        if _are_ours(path.parent, path):
            return f"this runs as {us}, who owns {path.parent}: run `chmod -R u+rwX` on it."
        return f"this runs as {us}: set PUID and PGID to the owner of {path.parent}, or give it to {us}."
    return "the disk or share failed: look into the system's log, then run again."


def _are_ours(*places: Path) -> bool:
    try:
        return all(place.stat().st_uid == os.geteuid() for place in places if place.exists())
    except OSError:
        return False


IS_A_FOLDER = (
    "is a folder, as Docker makes one where a file to mount is missing: remove it, then let CONFIG_PATH name"
    " the folder that holds config.yaml and LLAMA_SWAP_CONFIG the file itself."
)
