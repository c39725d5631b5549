"""Where downloads lie until they are whole: a hidden folder inside the models directory.

MODELS_DIR/
  .llama-swap-sync-staging/                       hidden: the library's scan does not see it
    OWNER--REPO--PATH~KEY.ETAG.partial            bytes so far; KEY: hash of repo and path
    OWNER--REPO--PATH~KEY.sha256.new              a checksum about to be moved into place

On the same file system as the models, so that moving a file into place is one rename.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".llama-swap-sync-staging"
# A download that nobody asked for again in this time is given up (seconds).
KEPT_FOR = 14 * 86400.0

_PARTIAL = ".partial"
# A checksum that is older than this (seconds) is not being written by anybody any more.
_A_MOMENT = 60.0
_LONGEST_WORDS = 120
_NO_SUCH_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging folder below `root`; made when something is put into it, removed when it is empty."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    def partial(self, repo: str, path: str, etag: str) -> Path:
        """The one name under which any process collects this content of this file."""
        return self.folder / f"{_key(repo, path)}.{_plain(etag)[:20]}{_PARTIAL}"

    def checksum(self, repo: str, path: str) -> Path:
        """Where the file's new `.sha256` is written before it is moved into place."""
        return self.folder / f"{_key(repo, path)}.sha256.new"

    def drop_other_contents(self, repo: str, path: str, etag: str) -> list[Path]:
        """Removes partial files of earlier contents of this file; returns them. One in use stays."""
        own = self.partial(repo, path, etag)
        return [
            other
            for other in self._named(f"{_key(repo, path)}.*{_PARTIAL}")
            if other != own and _removed_unless_held(other)
        ]

    def clean(self, wanted_repos: Iterable[str] = (), now: float | None = None) -> list[Path]:
        """Removes what nobody will resume: returns it. What another process holds stays.

        Kept are partial files of `wanted_repos`, and others that were written to within KEPT_FOR.
        """
        keep = tuple(f"{_words(repo)}--" for repo in wanted_repos)
        oldest = (time.time() if now is None else now) - KEPT_FOR
        removed = []
        for path in self._named("*"):
            if path.name.endswith(_PARTIAL):
                orphan = not path.name.startswith(keep) and _mtime(path) < oldest
            else:
                orphan = _mtime(path) < oldest + KEPT_FOR - _A_MOMENT
            if orphan and _removed_unless_held(path):
                removed.append(path)
        self.leave()
        return removed

    def leave(self) -> None:
        """Takes the folder away if nothing is in it."""
        with suppress(OSError):
            self.folder.rmdir()

    def _named(self, pattern: str) -> list[Path]:
        try:
            return sorted(self.folder.glob(pattern))
        except OSError:
            return []


@contextmanager
def held(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[int]:
    """A descriptor of the partial file at `path`, made if absent, held against other processes.

    Whoever comes second waits (after calling `on_wait`) and then gets the file that is at `path` by then. The
    kernel drops the lock with its process. Not guaranteed: exclusion on shares without locks; there the hash
    at the end finds what two writers made of one file. Raises OSError.
    """
    descriptor = _take(path, on_wait)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(path: Path, on_wait: Callable[[], None]) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue  # another process has just taken the empty folder away
        _lock(descriptor, on_wait)
        if _is_still(descriptor, path):
            return descriptor
        # Meanwhile its holder moved it into place or dropped it: whatever is at `path` now is another file.
        os.close(descriptor)


def _lock(descriptor: int, on_wait: Callable[[], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        on_wait()
    except OSError as error:
        if error.errno in _NO_SUCH_LOCKS:
            return
        os.close(descriptor)
        raise
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _removed_unless_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
        return False
    finally:
        os.close(descriptor)


def _key(repo: str, path: str) -> str:
    words = f"{_words(repo)}--{_words(path)}"[:_LONGEST_WORDS]
    return f"{words}~{hashlib.sha256(f'{repo}/{path}'.encode()).hexdigest()[:12]}"


def _words(text: str) -> str:
    return _plain(text.replace("/", "--"))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
