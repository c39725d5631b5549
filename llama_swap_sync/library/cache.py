"""Headers read once: kept in the state folder, believed only while a file's stamp is the one it was read at.

State "headers": {"reader": READER, "files": {PATH: [[size, mtime_ns, inode, device], HEADER]}}
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from llama_swap_sync.library.gguf import read_header
from llama_swap_sync.library.header import Header, Refusal, kept, restored
from llama_swap_sync.library.scan import Stamp

# Counts up whenever the reader would say something else of the same bytes.
READER: Final = 1

_NAME: Final = "headers"
_CHANGING: Final = Refusal("changing while it is looked at: still being copied", incomplete=True)


class Memory(Protocol):
    """Where headers are kept between runs; `state.State` is one. `read` gives None for nothing usable."""

    def read(self, name: str) -> dict[str, Any] | None: ...

    def write(self, name: str, value: Mapping[str, Any]) -> bool: ...


class Headers:
    """Reads each file's header once while the file stays as it is; without `memory`, once a run.

    Not kept: what a failing disk or a changing file answered, so that the next run asks again.
    """

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._known = _believed(memory.read(_NAME) if memory else None)
        self._asked: dict[str, tuple[Stamp, Header | Refusal]] = {}
        self._new = False

    def header(self, models_dir: Path, path: str, stamp: Stamp) -> Header | Refusal:
        """The header of the file that had `stamp` when it was looked at. Raises nothing."""
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            self._asked[path] = known
            return known[1]
        try:
            header = _read(models_dir / path, stamp)
        except OSError as error:
            return Refusal(f"can't be read ({error.strerror}): check its rights and the disk")
        if header is not _CHANGING:
            self._asked[path] = (stamp, header)
            self._new = True
        return header

    def save(self) -> None:
        """Keeps what was asked for and forgets the rest; writes nothing when nothing is new."""
        if self._memory is None or not (self._new or self._asked.keys() != self._known.keys()):
            return
        files = {path: [list(stamp), kept(header)] for path, (stamp, header) in self._asked.items()}
        self._memory.write(_NAME, {"reader": READER, "files": files})
        self._known, self._new = self._asked, False


def _believed(value: Mapping[str, Any] | None) -> dict[str, tuple[Stamp, Header | Refusal]]:
    files = value.get("files") if value and value.get("reader") == READER else None
    known: dict[str, tuple[Stamp, Header | Refusal]] = {}
    for path, entry in files.items() if isinstance(files, dict) else ():
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], list):
            continue
        header = restored(entry[1])
        if header is not None and len(entry[0]) == 4:
            size, modified, inode, device = entry[0]
            known[path] = ((size, modified, inode, device), header)
    return known


def _read(file: Path, stamp: Stamp) -> Header | Refusal:
    """Reads a file that is, before and after, the one with `stamp`. Raises OSError."""
    # Not blocking: what was a file at the look may be a pipe by now.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if _stamp(descriptor) != stamp:
            return _CHANGING
        header = read_header(lambda length, offset: os.pread(descriptor, length, offset), stamp[0])
        return header if _stamp(descriptor) == stamp else _CHANGING
    finally:
        os.close(descriptor)


def _stamp(descriptor: int) -> Stamp | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
