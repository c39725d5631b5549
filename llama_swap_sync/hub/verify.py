"""Every file that was downloaded, and whether its bytes are still those of its `.sha256`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llama_swap_sync.hub import checksum
from llama_swap_sync.hub.checksum import Checksum
from llama_swap_sync.hub.progress import Follow


@dataclass(frozen=True, slots=True)
class Managed:
    """A file with a checksum: `path` is POSIX and relative to the models directory."""

    path: str
    checksum: Checksum

    @property
    def repo(self) -> str | None:
        """OWNER/REPO, from where the file lies; None when it lies too high to have one."""
        parts = PurePosixPath(self.path).parts
        return "/".join(parts[:2]) if len(parts) > 2 else None

    @property
    def path_in_repo(self) -> str:
        """Its path in the repository; only where `repo` is not None."""
        return "/".join(PurePosixPath(self.path).parts[2:])


def managed(root: Path) -> list[Managed]:
    """All files below `root` that have a `.sha256` beside them, sorted; hidden folders are left out."""
    return sorted(_walk(root, root), key=lambda file: file.path)


def _walk(root: Path, folder: Path) -> Iterator[Managed]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    names = {entry.name for entry in entries}
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, folder / entry.name)
        elif entry.name + checksum.SUFFIX in names and (known := checksum.read(folder / entry.name)):
            yield Managed((folder / entry.name).relative_to(root).as_posix(), known)


def problem_of(file: Managed, root: Path, follow: Follow) -> str | None:
    """What is wrong with the file's bytes, as a sentence; None when they are what its `.sha256` says."""
    place = root / file.path
    try:
        found = checksum.followed(place, follow(file.path, place.stat().st_size, 0))
    except OSError as error:
        return f"{file.path} can't be read ({error.strerror}); check its owner and the disk"
    if found == file.checksum.sha256:
        return None
    return (
        f"{file.path} has other bytes than when it was downloaded: it was replaced by hand, or the disk is"
        " failing; fetch it again with `download --force`, or remove its .sha256 to keep it as it is"
    )
