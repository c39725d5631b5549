"""Which projector a model gets. A foreign one keeps a text model from starting: width goes before names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from llama_swap_sync.library import names

# Less in common than this is an accident ("meta…" and "mer…").
_LEAST_LIKENESS: Final = 4
_PREFERRED: Final = {"F16": 2, "BF16": 1}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole projector on disk. `widths` are the embedding widths it puts out; empty: it doesn't say.

    `owned`: by its name it belongs to some model near it, so to no other one that is as wide by chance.
    """

    path: str
    size: int
    widths: frozenset[int]
    modalities: frozenset[str]
    owned: bool = False


def owned(candidates: Iterable[Candidate], models: Sequence[tuple[str, int | None]]) -> list[Candidate]:
    """`candidates`, each told whether it has owners among `models`, given as path and width."""
    return [
        replace(candidate, owned=any(_owns(path, width, candidate) for path, width in models))
        for candidate in candidates
    ]


def _owns(path: str, width: int | None, candidate: Candidate) -> bool:
    near = is_within(path, folder_of(candidate.path))
    return near and candidate.widths <= {width} and _begins_with_name_of(candidate, path)


def _begins_with_name_of(candidate: Candidate, path: str) -> bool:
    name = names.likeness(candidate.path)
    return len(name) >= _LEAST_LIKENESS and names.likeness(path).startswith(name)


def choose(path: str, width: int | None, candidates: Iterable[Candidate]) -> Candidate | None:
    """The projector for the model at `path`, `width` wide: in its folder, else in the nearest one above it.

    Among those that fit there: the longest common start of the name, then F16, BF16, the largest.
    """
    by_folder: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_folder.setdefault(folder_of(candidate.path), []).append(candidate)
    for folder in _upwards(folder_of(path)):
        fitting = [item for item in by_folder.get(folder, ()) if _fits(item, path, width)]
        if fitting:
            return max(fitting, key=lambda item: (*_rank(item, path), item.path))
    return None


def _fits(candidate: Candidate, path: str, width: int | None) -> bool:
    """By width; where one of the two doesn't state it, by name, or by lying alone with its folder's model."""
    if candidate.owned and not _begins_with_name_of(candidate, path):
        return False
    if candidate.widths and width is not None:
        return candidate.widths == {width}
    if not names.likeness(candidate.path):
        return folder_of(candidate.path) != "" and folder_of(candidate.path) == folder_of(path)
    return _likeness(candidate.path, path) >= _LEAST_LIKENESS


def _rank(candidate: Candidate, path: str) -> tuple[int, int, int]:
    precision = _PREFERRED.get(names.quantisation(candidate.path), 0)
    return _likeness(candidate.path, path), precision, candidate.size


def _likeness(one: str, other: str) -> int:
    pairs = zip(names.likeness(one), names.likeness(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def misfit(candidate: Candidate) -> str:
    """Why `candidate` goes unused though there are models for it."""
    if not candidate.widths:
        return "a projector that states no width, and by its name it belongs to none of the models near it"
    widths = " and ".join(str(width) for width in sorted(candidate.widths))
    return f"a projector for models {widths} wide, and none of the models beside or below it is"


def folder_of(path: str) -> str:
    """The folder that `path` lies in; "" for the models directory."""
    return path.rpartition("/")[0]


def is_within(path: str, folder: str) -> bool:
    """Whether `path` lies in `folder` or below it."""
    return not folder or path.startswith(f"{folder}/")


def _upwards(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""
