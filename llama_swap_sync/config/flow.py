"""Edits inside `{…}`: additions behind the last pair, removals with their comma."""

from __future__ import annotations

from collections.abc import Sequence as Items

from llama_swap_sync.config.scalars import Value, in_flow, quoted
from llama_swap_sync.config.spans import value_end
from llama_swap_sync.config.splice import Splice
from llama_swap_sync.config.yaml_reading import Mapping


def addition(text: str, mapping: Mapping, pairs: Items[tuple[str, Value]]) -> Splice:
    """New pairs right behind the last one (a trailing comma and comments stay behind them)."""
    written = ", ".join(f"{quoted(key)}: {in_flow(value)}" for key, value in pairs)
    if mapping.children:
        end = value_end(text, mapping.children[-2], mapping.children[-1])
        return Splice(end, end, f", {written}")
    inside = text.index("{", mapping.start) + 1
    return Splice(inside, inside, written)


def removal(text: str, mapping: Mapping, gone: Items[bool]) -> list[Splice]:
    """The pairs marked as gone, each with the comma before it; those at the front with the comma behind."""
    pairs = mapping.pairs
    ends = [value_end(text, key, value) for key, value in pairs]
    found = [Splice(ends[index - 1], ends[index], "") for index in range(1, len(pairs)) if gone[index]]
    if gone[0]:
        kept = next((pair for pair, is_gone in zip(pairs, gone, strict=True) if not is_gone), None)
        end = kept[0].start if kept is not None else _past_comma(text, ends[-1], mapping.end)
        found.append(Splice(pairs[0][0].start, end, ""))
    return found


def _past_comma(text: str, end: int, limit: int) -> int:
    return end + 1 if text[end : limit - 1].startswith(",") else end
