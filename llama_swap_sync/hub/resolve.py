"""A reference and what its repository holds -> the files that are wanted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.references import Reference

# What `llama-server -hf OWNER/REPO` takes (field.md, read in llama.cpp).
_DEFAULTS = ("Q4_K_M", "Q8_0")
_PROJECTOR_LABELS = ("F16", "BF16")
# `mmproj-BF16.gguf` is no kin of `Bonsai.gguf` for its first letter.
_ALIKE_AT_LEAST = 3


class NoSuchFile(SyncError, LookupError):  # noqa: N818 - reads as what happened
    """The repository has nothing that the reference names; the message lists what it has."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reference stands for: the model's file or shards in order, then its projector if there is one.

    `notes` are sentences about choices that the reference left open.
    """

    model: tuple[HubFile, ...]
    projector: HubFile | None = None
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[HubFile, ...]:
        return (*self.model, *([self.projector] if self.projector else []))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def select(reference: Reference, listing: Listing) -> Selection:
    """The files that `reference` means. Raises NoSuchFile, saying what the repository has.

    A path names that file alone, with the other shards of its set. A quantisation names the first model whose
    own quantisation it is, else the first whose path holds it before a `.` or `-`, as llama.cpp matches (so
    `Q4_K_M` is never `UD-Q4_K_M` where both exist), and brings the best projector.
    """
    if reference.path is not None:
        file = listing.find(reference.path)
        if file is None:
            raise NoSuchFile(f"{reference.repo} has no file {reference.path}; {_what_there_is(listing)}")
        return Selection(_whole_set(file, listing))
    matches = _matches(reference, listing)
    chosen = _whole_set(matches[0], listing)
    others = sorted({file.set_key: file.path for file in matches if file not in chosen}.values())
    notes = []
    if others:
        notes.append(
            f"{reference} is taken as {chosen[0].path}; it could also mean {_some(others)}:"
            " name the file to get another one"
        )
    return Selection(chosen, best_projector(chosen[0], listing), tuple(notes))


def best_projector(model: HubFile, listing: Listing) -> HubFile | None:
    """The projector nearest above `model`: the longest common start of the name, F16, BF16, the largest."""
    folder = PurePosixPath(model.path).parent
    for place in (folder, *folder.parents):
        here = [file for file in listing.files if file.is_projector and _folder(file) == place]
        if here:
            return min(here, key=lambda file: _distance(file, model))
    return None


def _matches(reference: Reference, listing: Listing) -> list[HubFile]:
    models = sorted((file for file in listing.files if file.is_model), key=_shallow_first)
    if not models:
        raise NoSuchFile(
            f"{reference.repo} has no GGUF model; repositories that have usually end in -GGUF,"
            f" look for one at the Hub's model page under Quantizations"
        )
    tags = (reference.quantisation,) if reference.quantisation else _DEFAULTS
    for tag in tags:
        exact = [file for file in models if file.label == tag.upper()]
        if found := exact or [file for file in models if _mentions(file.path, tag)]:
            return found
    if reference.quantisation is None:
        return models[:1]
    raise NoSuchFile(f"{reference.repo} has no {reference.quantisation}; {_what_there_is(listing)}")


def _mentions(path: str, tag: str) -> bool:
    return re.search(re.escape(tag) + "[.-]", path, re.IGNORECASE) is not None


def _whole_set(file: HubFile, listing: Listing) -> tuple[HubFile, ...]:
    if file.shard is None:
        return (file,)
    shards = {other.shard: other for other in listing.files if other.set_key == file.set_key and other.shard}
    count = file.shard[1]
    missing = [number for number in range(1, count + 1) if (number, count) not in shards]
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        raise NoSuchFile(f"{listing.repo} lacks shard {numbers} of {count} beside {file.path}")
    return tuple(shards[number, count] for number in range(1, count + 1))


def _what_there_is(listing: Listing) -> str:
    labels = listing.labels()
    return f"it has {_some(labels)}" if labels else "it has no GGUF model at all"


def _some(words: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(words[:40])
    return f"{shown} and {len(words) - 40} more" if len(words) > 40 else shown


def _shallow_first(file: HubFile) -> tuple[int, str]:
    return file.path.count("/"), file.path


def _folder(file: HubFile) -> PurePosixPath:
    return PurePosixPath(file.path).parent


def _distance(projector: HubFile, model: HubFile) -> tuple[int, int, int, str]:
    bare = re.sub(r"^mmproj[-_.]?", "", PurePosixPath(projector.path).name, flags=re.IGNORECASE)
    alike = _common_start(bare.lower(), PurePosixPath(model.path).name.lower())
    if alike < _ALIKE_AT_LEAST:
        alike = 0
    label = projector.label
    rank = _PROJECTOR_LABELS.index(label) if label in _PROJECTOR_LABELS else len(_PROJECTOR_LABELS)
    return -alike, rank, -projector.size, projector.path


def _common_start(one: str, other: str) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
