"""The seam between us and the file system: every step of a write is one method of `Files`, one system call.

So a test can record the calls, fail the n-th, or kill the process at the n-th. The functions below are the
one way in which this project puts bytes that it must not lose on a disk.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# What a share answers when it has no such call at all: SMB and some FUSE mounts give EINVAL or ENOTSUP for
# fsync, EPERM for chown and chmod. That can't be had there; the bytes are written all the same.
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_REFUSED = _UNSUPPORTED | {errno.EPERM, errno.EACCES, errno.EBADF}


class Files(Protocol):
    """The file system, one method a system call; each raises what the call raises (OSError)."""

    def real_path(self, path: Path) -> Path: ...
    def stat(self, path: Path) -> os.stat_result: ...
    def read(self, path: Path) -> bytes: ...
    def names(self, folder: Path) -> list[str]: ...
    def make_folder(self, folder: Path, mode: int) -> None: ...
    def create(self, path: Path, mode: int) -> int: ...
    def open_for_update(self, path: Path) -> int: ...
    def write(self, descriptor: int, data: memoryview, offset: int) -> int: ...
    def truncate(self, descriptor: int, size: int) -> None: ...
    def change_owner(self, target: int | Path, uid: int, gid: int) -> None: ...
    def change_mode(self, target: int | Path, mode: int) -> None: ...
    def sync(self, descriptor: int) -> None: ...
    def close(self, descriptor: int) -> None: ...
    def replace(self, source: Path, target: Path) -> None: ...
    def sync_folder(self, folder: Path) -> None: ...
    def remove(self, path: Path) -> None: ...


class OsFiles:
    """`Files` on the machine's own file system."""

    def real_path(self, path: Path) -> Path:
        return Path(os.path.realpath(path))

    def stat(self, path: Path) -> os.stat_result:
        return path.stat()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)  # noqa: PTH208 - names, not paths, are what is matched

    def make_folder(self, folder: Path, mode: int) -> None:
        folder.mkdir(mode)

    def create(self, path: Path, mode: int) -> int:
        """A descriptor of a file that was not there; FileExistsError otherwise."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)

    def open_for_update(self, path: Path) -> int:
        """A descriptor of a file that is there, not truncated."""
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """The count of bytes that were taken, which may be less than all."""
        return os.pwrite(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def change_owner(self, target: int | Path, uid: int, gid: int) -> None:
        os.chown(target, uid, gid)

    def change_mode(self, target: int | Path, mode: int) -> None:
        os.chmod(target, mode)  # noqa: PTH101 - a descriptor or a path

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        path.unlink()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with a file: permission bits, owner and group (-1 leaves it to the system)."""

    mode: int
    uid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, status: os.stat_result) -> Access:
        return cls(status.st_mode & 0o7777, status.st_uid, status.st_gid)


def write_new_file(files: Files, path: Path, data: bytes, access: Access) -> None:
    """All of `data` in a new file at `path`, on the disk when this returns; on an error no file is left.

    Mode and owner are those of `access` as far as the system allows. Raises OSError; FileExistsError when
    something is at `path`, which stays.
    """
    # 0600 until the bits are right: a config with API keys is readable by nobody else in between.
    descriptor = files.create(path, 0o600)
    try:
        try:
            give_access(files, descriptor, access)
            write_all(files, descriptor, data, 0)
            sync_file(files, descriptor)
        finally:
            files.close(descriptor)
    except BaseException:
        remove_if_there(files, path)
        raise


def write_all(files: Files, descriptor: int, data: bytes, offset: int) -> None:
    """Every byte of `data` at `offset`, in as few writes as the system takes. Raises OSError."""
    rest = memoryview(data)
    while rest:
        taken = files.write(descriptor, rest, offset)
        rest, offset = rest[taken:], offset + taken


def give_access(files: Files, target: int | Path, access: Access) -> None:
    """Owner, group and mode of `access`, each as far as the system allows; what it refuses stays as it is."""
    if access.uid != -1 or access.gid != -1:
        try:
            files.change_owner(target, access.uid, access.gid)
        except OSError as error:
            _tolerate(error, _REFUSED)
            # Only root gives a file away, but its owner may move it to a group of theirs.
            with suppress(OSError):
                files.change_owner(target, -1, access.gid)
    try:
        files.change_mode(target, access.mode)
    except OSError as error:
        _tolerate(error, _REFUSED)


def sync_file(files: Files, descriptor: int) -> None:
    """What was written is on the disk, where the file system has such a call. Raises OSError (EIO …)."""
    try:
        files.sync(descriptor)
    except OSError as error:
        _tolerate(error, _UNSUPPORTED)


def sync_folder(files: Files, folder: Path) -> None:
    """The folder's names are on the disk, where the file system has such a call. Raises OSError (EIO …)."""
    try:
        files.sync_folder(folder)
    except OSError as error:
        _tolerate(error, _REFUSED)


def remove_if_there(files: Files, path: Path) -> None:
    """Tidies up behind an error that is reported already: what can't be removed stays for the next start."""
    with suppress(OSError):
        files.remove(path)


def _tolerate(error: OSError, codes: frozenset[int]) -> None:
    if error.errno not in codes:
        raise error
