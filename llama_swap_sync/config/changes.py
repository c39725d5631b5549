"""What a plan does and what it leaves, each with the sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Add:
    """A new entry for a model of the library."""

    id: str
    model_path: str

    @property
    def sentence(self) -> str:
        return f"{self.id}: added for {self.model_path}"


@dataclass(frozen=True, slots=True)
class Fill:
    """Keys of the template that an entry lacks."""

    id: str
    keys: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"{self.id}: missing keys added, changing nothing: {', '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Remove:
    """A stale entry goes. `path` is relative to the models directory."""

    id: str
    path: str

    @property
    def sentence(self) -> str:
        return f"{self.id}: removed, its file {self.path} is gone"


@dataclass(frozen=True, slots=True)
class Rekey:
    """An ID in the form `? ID` is written as `ID:`."""

    id: str

    @property
    def sentence(self) -> str:
        return f"{self.id}: its key is written plainly, its value is as it was"


Change: TypeAlias = Add | Fill | Remove | Rekey


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that is not done, and why. `subject` is an ID, a path or `prune`."""

    subject: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.subject}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry whose command names a file under the models mount that is not there."""

    id: str
    path: str
