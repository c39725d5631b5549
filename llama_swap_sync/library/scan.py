"""The walk through the models directory, by names and stamps alone: all that an idle look does."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from llama_swap_sync.library import names
from llama_swap_sync.library.model import LeftOut

Stamp = tuple[int, int, int, int]
"""Size, modification time in ns, inode, device: another stamp, another content."""

# Beside hidden ones (among them our own downloads): what Synology, QNAP, Windows and ext4 put on a share.
_SKIPPED_FOLDERS: Final = frozenset(
    {"@eaDir", "#recycle", "@Recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


@dataclass(frozen=True)
class Look:
    """Every `*.gguf` file by its path relative to the models directory, and what could not be walked.

    `files` has the stamp of what a link leads to; `links` are those of its paths that are symbolic links.
    Everything in `left_out` stays equal from look to look while the disk does. `problem` says why the models
    directory itself could not be looked at.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    problem: str | None = None
    links: frozenset[str] = frozenset()

    def fingerprint(self) -> str:
        """Equal exactly when two looks are, also across processes."""
        from hashlib import sha256  # brings OpenSSL along; an idle look compares by ==

        left_out = [(item.path, item.reason, item.state) for item in self.left_out]
        whole = (sorted(self.files.items()), left_out, self.problem, sorted(self.links))
        return sha256(repr(whole).encode("utf-8", "surrogatepass")).hexdigest()


def look(models_dir: Path, exclude: Sequence[str] = ()) -> Look:
    """Walks once, opens no file, and always ends: each folder is entered once, whatever links lead to it.

    `exclude` are globs: one without a slash names files and folders anywhere, one with a slash paths from the
    models directory; `*` crosses slashes. Raises nothing.
    """
    walk = _Walk(str(models_dir), _matcher(exclude))
    try:
        with os.scandir(walk.root):
            pass
    except OSError as error:
        return Look(problem=_root_problem(models_dir, error))
    walk.run()
    left_out = sorted(walk.left_out, key=lambda item: (item.path, item.reason))
    return Look(walk.files, left_out, None, frozenset(walk.links))


def _root_problem(models_dir: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"The models directory {models_dir} is missing: mount it, or set LLAMA_SWAP_MODELS_DIR"
    if isinstance(error, NotADirectoryError):
        return f"The models directory {models_dir} is a file: set LLAMA_SWAP_MODELS_DIR to a folder"
    return (
        f"The models directory {models_dir} can't be read ({error.strerror}): check the mount and its rights"
    )


def _matcher(exclude: Sequence[str]) -> Callable[[str, str], bool]:
    """Tells of a path and its last part whether a glob names it."""
    if not exclude:
        return lambda *_: False
    import re
    from fnmatch import translate

    globs = [glob.removeprefix("./").rstrip("/") for glob in exclude]
    by_name = [translate(glob) for glob in globs if "/" not in glob]
    by_path = [translate(glob.lstrip("/")) for glob in globs if "/" in glob]
    name_is, path_is = (re.compile("|".join(group) or r"(?!)") for group in (by_name, by_path))
    return lambda path, name: bool(name_is.match(name) or path_is.match(path))


class _Walk:
    """The state of one walk. Real folders come first, then those that only links lead to."""

    def __init__(self, root: str, excluded: Callable[[str, str], bool]) -> None:
        self.root = root
        self.files: dict[str, Stamp] = {}
        self.left_out: list[LeftOut] = []
        self.links: list[str] = []
        self._excluded = excluded
        self._real_root = os.path.realpath(root)
        self._user = os.geteuid()
        self._entered: set[str] = set()
        self._linked_folders: list[tuple[str, str]] = []

    def run(self) -> None:
        self._enter("", self._real_root)
        while self._linked_folders:
            path, target = min(self._linked_folders)
            self._linked_folders.remove((path, target))
            self._enter(path, target)

    def _enter(self, prefix: str, real: str) -> None:
        """Walks the folder `real`, whose files go by `prefix`, and all below it, without recursion."""
        folders = [(prefix, real)]
        while folders:
            prefix, real = folders.pop()
            if real in self._entered:
                continue
            self._entered.add(real)
            try:
                with os.scandir(real) as entries:
                    folders.extend(self._folder(prefix, entries))
            except OSError as error:
                self._refuse(prefix.rstrip("/"), _unread(error))

    def _folder(self, prefix: str, entries: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, str]]:
        """Takes in the files of one folder; hands out the folders in it."""
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            is_gguf = name[-5:].lower() == names.SUFFIX
            if is_gguf and entry.is_file(follow_symlinks=False):
                self._file(prefix + name, name, entry)
            elif entry.is_dir(follow_symlinks=False):
                if self._may_enter(prefix + name, name):
                    yield f"{prefix}{name}/", entry.path
            elif entry.is_symlink():
                self._link(prefix + name, name, is_gguf, entry)
            elif not is_gguf and names.is_raw_piece(name):
                self._leave_out(
                    prefix + name, "a piece of a cut-up file: join the pieces with `cat` in order"
                )

    def _file(self, path: str, name: str, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat()
        except FileNotFoundError:
            return  # gone since the folder was listed
        reason = names.unusable(name)
        if reason is not None:
            self._refuse(path, reason)
        elif self._excluded(path, name):
            self._leave_out(path, "SYNC_EXCLUDE names it")
        elif not _readable(status, entry.path, self._user):
            self._refuse(path, "can't be read: give this program's user (PUID) the right to")
        else:
            self.files[path] = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)

    def _may_enter(self, path: str, name: str) -> bool:
        if name in _SKIPPED_FOLDERS or name.startswith(".Trash-"):
            return False
        reason = names.unusable(name)
        if reason is not None:
            self._refuse(path, reason)
            return False
        if self._excluded(path, name):
            self._leave_out(path, "SYNC_EXCLUDE names it")
            return False
        return True

    def _link(self, path: str, name: str, is_gguf: bool, entry: os.DirEntry[str]) -> None:
        """A link counts where llama-swap's container can follow it: inside the models directory."""
        try:
            real = os.path.realpath(entry.path, strict=True)
            status = entry.stat()
        except OSError as error:
            if is_gguf:
                self._refuse(path, f"{_dead(error)} ({_target(entry.path)})")
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_folder and not (is_gguf and stat.S_ISREG(status.st_mode)):
            return
        if not f"{real}/".startswith(self._real_root.rstrip("/") + "/"):
            self._refuse(
                path,
                f"a link out of the models directory ({_target(entry.path)}), where llama-swap can't follow",
            )
        elif not is_folder:
            self._file(path, name, entry)
            if path in self.files:
                self.links.append(path)
        elif self._may_enter(path, name):
            self._linked_folders.append((f"{path}/", real))

    def _refuse(self, path: str, reason: str) -> None:
        self.left_out.append(LeftOut(names.shown(path), reason, "refused"))

    def _leave_out(self, path: str, reason: str) -> None:
        self.left_out.append(LeftOut(names.shown(path), reason, "left out", quiet=True))


def _unread(error: OSError) -> str:
    advice = "check the disk or the share"
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "check its rights"
    elif error.errno == errno.ENAMETOOLONG:
        advice = "move it nearer to the models directory"
    return f"this folder can't be read ({error.strerror}): {advice}"


def _dead(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link in a circle of links"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "a link into a folder that can't be read"
    return "a link that leads nowhere"


def _target(link: str) -> str:
    try:
        return names.shown(os.readlink(link))  # noqa: PTH115 - it may not be UTF-8
    except OSError:
        return "unreadable"


def _readable(status: os.stat_result, path: str, user: int) -> bool:
    """Whether we may read the file. The kernel is asked only where the mode says no: an ACL may say yes."""
    mode = status.st_mode
    if mode & stat.S_IROTH or (mode & stat.S_IRUSR and status.st_uid == user):
        return True
    return os.access(path, os.R_OK)
