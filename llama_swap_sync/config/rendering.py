"""New lines of block style: an entry, or fields of one."""

from __future__ import annotations

from collections.abc import Mapping

from llama_swap_sync.config.scalars import Value, fits_block, in_flow, written, written_key


def block_entry(entry_id: str, fields: Mapping[str, Value], column: int, step: int, newline: str) -> str:
    """An entry's lines, its ID at `column`, its fields `step` deeper; the last one has its line break."""
    head = " " * column + written_key(entry_id) + ":" + newline
    return head + block_fields(fields, column + step, step, newline)


def block_fields(fields: Mapping[str, Value], column: int, step: int, newline: str) -> str:
    """Lines of `key: value` at `column`; text of several lines stands as a literal block."""
    return "".join(_field(written_key(key), value, column, step, newline) for key, value in fields.items())


def _field(key: str, value: Value, column: int, step: int, newline: str) -> str:
    margin = " " * column
    if isinstance(value, str) and _is_block(value):
        inner = " " * (column + step)
        lines = (f"{inner}{line}" if line else "" for line in value[:-1].split("\n"))
        return f"{margin}{key}: |{newline}" + "".join(line + newline for line in lines)
    if isinstance(value, dict) and value:
        return f"{margin}{key}:{newline}" + block_fields(value, column + step, step, newline)
    return f"{margin}{key}: {_inline(value)}{newline}"


def _is_block(text: str) -> bool:
    ends_once = text.endswith("\n") and not text.endswith("\n\n")
    return ends_once and text[0] not in " \n\t" and fits_block(text)


def _inline(value: Value) -> str:
    if isinstance(value, str):
        return written(value) if value else "''"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return in_flow(value)
