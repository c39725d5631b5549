"""The place where a download belongs: what is there now, and the moment in which it is replaced."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from llama_swap_sync.files import Access, Files, give_access, sync_folder, write_new_file
from llama_swap_sync.hub import checksum
from llama_swap_sync.hub.checksum import Checksum
from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.listing import HubFile
from llama_swap_sync.hub.staging import Staging


class Found(Enum):
    """What lies where a file of the Hub belongs."""

    NOTHING = "nothing"
    CURRENT = "the Hub's content, with its checksum"
    UNMARKED = "the Hub's content, without a checksum that says so"
    OUTDATED = "what was downloaded once"
    FOREIGN = "what somebody put there by hand"


def target(root: Path, repo: str, path: str) -> Path:
    """ROOT/OWNER/REPO/PATH. Raises DownloadFailed for a path that a Hub should not have sent."""
    parts = PurePosixPath(f"{repo}/{path}").parts
    if ".." in parts or path.startswith("/") or "\0" in path:
        raise DownloadFailed(
            f"{repo} lists a file {path!r}, which leads out of the models directory: refused"
        )
    return root.joinpath(*parts)


def look(place: Path, file: HubFile, revision: str) -> Found:
    """What is at `place`, compared with the Hub's `file`. Hashes only what a checksum does not answer.

    Raises DownloadFailed when it can't be read.
    """
    try:
        if not place.exists():
            return Found.NOTHING
        if is_marked(place, file, revision):
            return Found.CURRENT
        known, size = checksum.read(place), place.stat().st_size
        if file.sha256 is None:
            return _look_by_size(known, size, file)
        mine = checksum.sha256_of(place)
    except OSError as error:
        raise DownloadFailed(
            f"{place} can't be read ({error.strerror}); check its owner and permissions"
        ) from None
    if mine == file.sha256:
        return Found.UNMARKED
    return Found.OUTDATED if known and mine == known.sha256 else Found.FOREIGN


def is_marked(place: Path, file: HubFile, revision: str) -> bool:
    """Whether a checksum says that `place` has the Hub's `file`. Raises OSError when it can't be read."""
    if not place.exists() or place.stat().st_size != file.size:
        return False
    known = checksum.read(place)
    return known is not None and known.revision == revision and file.sha256 in (None, known.sha256)


def _look_by_size(known: Checksum | None, size: int, file: HubFile) -> Found:
    if size != file.size:
        return Found.OUTDATED if known else Found.FOREIGN
    return Found.CURRENT if known else Found.UNMARKED


@dataclass(frozen=True, slots=True)
class Ready:
    """A verified file in staging, and where it goes; `source` None: the right content is in place already."""

    source: Path | None
    place: Path
    mark: Path
    checksum: Checksum


def put(ready: list[Ready], files: Files) -> None:
    """Moves verified files into place, each by one rename: a reader has the old file or the new one.

    A kill between two of them leaves the rest in staging, whole: the next run moves them without a download,
    and writes the checksums that are missing. Raises OSError.
    """
    for item in ready:
        if item.source is not None:
            item.place.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                give_access(files, item.source, Access.of(files.stat(item.place)))
            files.replace(item.source, item.place)
    for folder in dict.fromkeys(item.place.parent for item in ready):
        sync_folder(files, folder)
    for item in ready:
        write_mark(item, files)


def write_mark(item: Ready, files: Files) -> None:
    """The `.sha256` beside the file, whole or not at all. Raises OSError."""
    item.mark.parent.mkdir(parents=True, exist_ok=True)
    item.mark.unlink(missing_ok=True)
    text = item.checksum.text(item.place.name).encode()
    write_new_file(files, item.mark, text, Access(files.stat(item.place).st_mode & 0o666))
    files.replace(item.mark, checksum.beside(item.place))


def ready(staging: Staging, repo: str, path: str, mark: Checksum, source: Path | None) -> Ready:
    """`source` (a verified partial file) on its way to where `path` of `repo` belongs."""
    place = target(staging.root, repo, path)
    return Ready(source, place, staging.checksum(repo, path), mark)
