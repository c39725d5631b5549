"""`FILE.sha256` beside a downloaded file: what its bytes are, for us and for `sha256sum -c`.

# revision: v2                                      only where a branch, tag or commit was asked for
<64 hex digits>  NAME.gguf                          NAME without a folder: check it in the file's own folder
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from llama_swap_sync.hub.progress import Progress
from llama_swap_sync.hub.references import DEFAULT_REVISION

SUFFIX = ".sha256"

_LINE = re.compile(r"(?P<escaped>\\?)(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>.+)")
_REVISION = re.compile(r"# revision: (\S+)")


@dataclass(frozen=True, slots=True)
class Checksum:
    """The content that a managed file has, and the revision it follows."""

    sha256: str
    revision: str = DEFAULT_REVISION

    def text(self, name: str) -> str:
        """The `.sha256` file of a file called `name`."""
        pinned = "" if self.revision == DEFAULT_REVISION else f"# revision: {self.revision}\n"
        return f"{pinned}{self.sha256}  {name}\n"


def beside(path: Path) -> Path:
    """Where the checksum of the file at `path` lies."""
    return path.with_name(path.name + SUFFIX)


def read(path: Path) -> Checksum | None:
    """The checksum of the file at `path`; None when there is none, or none that can be read."""
    try:
        text = beside(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines = [match for line in text.splitlines() if (match := _LINE.fullmatch(line.strip()))]
    if not lines:
        return None
    revision = _REVISION.search(text)
    return Checksum(lines[0]["sha256"].lower(), revision[1] if revision else DEFAULT_REVISION)


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of the file's content in hex, in constant memory; `on_bytes(n)` follows. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        return _digest(file, on_bytes)


def followed(path: Path, progress: Progress) -> str:
    """`sha256_of`, told to `progress`, which is ended. Raises OSError."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress.at(done)

    try:
        return sha256_of(path, advance)
    finally:
        progress.end()


def _digest(file: io.FileIO, on_bytes: Callable[[int], None] | None) -> str:
    source: BinaryIO | _Counted = _Counted(file, on_bytes) if on_bytes else file
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]


class _Counted:
    """A raw file that reports what is read from it: `hashlib.file_digest` asks for no more than these two."""

    def __init__(self, file: io.FileIO, on_bytes: Callable[[int], None]) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        count = self._file.readinto(buffer)
        self._on_bytes(count or 0)
        return count or 0
