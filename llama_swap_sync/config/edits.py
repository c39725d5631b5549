"""What can be done to a document, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from llama_swap_sync.config.scalars import Value


@dataclass(frozen=True, slots=True)
class Insert:
    """A new entry behind the last one, its fields in this order."""

    id: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Fill:
    """Fields that an entry lacks, behind its last line."""

    id: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Cut:
    """An entry's lines go, and the blank lines above it; comments above or below it stay."""

    id: str


@dataclass(frozen=True, slots=True)
class Rekey:
    """`? ID` becomes `ID:`; the bytes of the value stay."""

    id: str


Edit: TypeAlias = Insert | Fill | Cut | Rekey
