"""Edits as splices: pieces of text put in place of spans, everything outside them the same characters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """`text` in place of what stands from `start` to `end` (an insertion when they are equal)."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made; those at one place follow each other in the order given.

    Cuts may overlap: what any of them covers is gone. An insertion inside a cut stays.
    """
    pieces: list[str] = []
    done = 0
    for splice in sorted(splices, key=lambda splice: splice.start):
        pieces.append(text[done : splice.start])
        pieces.append(splice.text)
        done = max(done, splice.end)
    pieces.append(text[done:])
    return "".join(pieces)
