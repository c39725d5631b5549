"""What the library is: models, and what was left out and why. Values only: every room can import them.

All paths are POSIX-style and relative to the models directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What a model answers: which endpoint of llama-server, so which arguments its command needs."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    RERANKER = "reranker"


@dataclass(frozen=True, slots=True)
class Projector:
    """The file that `--mmproj` names. `modalities` is a subset of {"image", "audio"}, never empty."""

    path: str
    modalities: frozenset[str]


@dataclass(frozen=True, slots=True)
class Model:
    """One thing that llama-server can load, complete on disk.

    `path` is what `-m` names (the first shard of a set), `files` are all its files with shards in order,
    `size` their bytes. `other_paths` are further links in the library to the same file.
    """

    path: str
    files: tuple[str, ...]
    size: int
    kind: Kind
    architecture: str
    name: str
    quantisation: str
    context_length: int | None
    embedding_length: int | None
    projector: Projector | None
    other_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, folder or link that is no model, with the reason in words; equal from look to look.

    `quiet` ones are as they should be (a projector, a draft): worth a line only when someone asks.
    """

    path: str
    reason: str
    state: Literal["incomplete", "refused", "left out"]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """Every model under the models directory, sorted by path, and what was left out.

    `problem` says why the models directory itself could not be looked at; None when it could, even if empty.
    """

    models: tuple[Model, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    problem: str | None = None
