"""Edits inside `{…}`: additions behind the last pair, removals with their comma."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items

from llama_swap_sync.config.scalars import Value, in_flow, quoted
from llama_swap_sync.config.spans import value_end
from llama_swap_sync.config.splice import Splice
from llama_swap_sync.config.yaml_reading import Mapping

_BEFORE_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\n]*\n)*(?=,)")
_REST_OF_LINE = re.compile(r"[ \t]*\r?\n")


def addition(text: str, mapping: Mapping, pairs: Items[tuple[str, Value]]) -> Splice:
    """New pairs right behind the last one (a trailing comma and comments stay behind them)."""
    written = ", ".join(f"{quoted(key)}: {in_flow(value)}" for key, value in pairs)
    if mapping.children:
        end = value_end(text, mapping.children[-2], mapping.children[-1])
        return Splice(end, end, f", {written}")
    inside = text.index("{", mapping.start) + 1
    return Splice(inside, inside, written)


def removal(text: str, mapping: Mapping, gone: Items[bool]) -> list[Splice]:
    """The pairs marked as gone, each with the comma before it; those at the front with the comma behind.

    Where that would take comments along, only the pairs go, and the commas behind them.
    """
    pairs = mapping.pairs
    ends = [value_end(text, key, value) for key, value in pairs]
    taken = [text[ends[index - 1] : pairs[index][0].start] for index in _gaps_taken(gone)]
    last_comma = _BEFORE_COMMA.match(text, ends[-1])
    if all(gone) and last_comma is not None:
        taken.append(last_comma[0])
    if any("#" in gap for gap in taken):
        return [
            splice
            for (key, _), end, is_gone in zip(pairs, ends, gone, strict=True)
            if is_gone
            for splice in _alone(text, key.start, end)
        ]
    found = [Splice(ends[index - 1], ends[index], "") for index in range(1, len(pairs)) if gone[index]]
    if gone[0]:
        kept = next((pair for pair, is_gone in zip(pairs, gone, strict=True) if not is_gone), None)
        end = kept[0].start if kept is not None else _past_comma(text, ends[-1], mapping.end)
        found.append(Splice(pairs[0][0].start, end, ""))
    return found


def _gaps_taken(gone: Items[bool]) -> list[int]:
    """The pairs with which the text before them goes: those gone, and the one that then leads."""
    first_kept = gone.index(False) if False in gone else 0
    return [index for index in range(1, len(gone)) if gone[index] or index == first_kept]


def _alone(text: str, start: int, end: int) -> list[Splice]:
    """A pair and the comma behind it, wherever that stands; with its line where it has one for itself."""
    before_comma = _BEFORE_COMMA.match(text, end)
    comma = before_comma.end() if before_comma is not None else end
    if comma == end:
        end += before_comma is not None
        line = text.rfind("\n", 0, start) + 1
        rest = _REST_OF_LINE.match(text, end)
        if rest is not None and not text[line:start].strip(" \t"):
            return [Splice(line, rest.end(), "")]
        return [Splice(start, end, "")]
    return [Splice(start, end, ""), Splice(comma, comma + 1, "")]


def _past_comma(text: str, end: int, limit: int) -> int:
    return end + 1 if text[end : limit - 1].startswith(",") else end
