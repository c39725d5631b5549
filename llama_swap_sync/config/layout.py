"""Where an edit's text goes: each edit of a document as splices, in the file's own habits.

New lines take the file's indentation, line ending and number of blank lines between entries. What is cut is what
inserting put there: cutting an entry right after its insertion gives the bytes from before. To that end an empty
`models` leaves a trace that the last cut reads back:

    models: {}          becomes  models:             and back
    models:             becomes  models:_            (a blank), and back
    models: {}  # mine  becomes  models: # {}  # mine   and back; likewise [], null and ~
    (no models at all)  gets     models:  # added by llama-swap-sync   (with a blank line above), and loses it again

`{…}` that already spans lines or holds entries stays flow style, and new entries follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from llama_swap_sync.config import flow, rendering, spans
from llama_swap_sync.config.edits import Cut, Edit, Fill, Insert, Rekey
from llama_swap_sync.config.scalars import Value
from llama_swap_sync.config.splice import Splice
from llama_swap_sync.config.yaml_reading import Alias, Mapping, Node, Scalar, position
from llama_swap_sync.errors import ConfigError

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document, Entry

MARKER = "  # added by llama-swap-sync"
DEFAULT_STEP = 2

_EMPTY_VALUE = r"(\{[ \t]*\}|\[[ \t]*\]|~|null|Null|NULL)"
_COMMENTED_OUT = re.compile(rf"([ \t]*)# (?={_EMPTY_VALUE})")


def splices(document: Document, edits: Items[Edit]) -> list[Splice]:
    """All edits of one go, in an order in which those at one place may stand.

    Raises ConfigError where the file's form leaves no place for an edit.
    """
    found: list[Splice] = []
    cuts = {edit.id for edit in edits if isinstance(edit, Cut)}
    inserts = [edit for edit in edits if isinstance(edit, Insert)]
    for edit in edits:
        if isinstance(edit, Fill):
            found.append(_fill(document, document.by_id[edit.id], edit))
        elif isinstance(edit, Rekey):
            found += _rekey(document, document.by_id[edit.id])
    if cuts:
        found += _cut(document, cuts, emptied=not inserts)
    if inserts:
        found += _insert(document, inserts)
    return found


def can_fill(document: Document, entry: Entry) -> bool:
    """Whether keys can be added to an entry: it stands here itself, as a mapping, empty or nothing yet."""
    node = entry.node
    if not entry.own or isinstance(document.models, Alias):
        return False
    if isinstance(node, Mapping):
        return True
    in_block = isinstance(document.models, Mapping) and not document.models.flow
    return in_block and isinstance(node, Scalar) and node.start == node.end


def can_cut(document: Document, entry: Entry) -> bool:
    """Whether an entry's lines are its own, and no `&anchor` in it is used elsewhere."""
    if not entry.own or not isinstance(document.models, Mapping):
        return False
    anchors = {node.anchor for node in _walk(entry.node) if not isinstance(node, Alias)} - {None}
    if not anchors:
        return True
    inside = {id(node) for node in _walk(entry.node)}
    return not any(
        isinstance(node, Alias) and node.anchor in anchors and id(node) not in inside
        for node in _walk(document.root)
    )


def can_rekey(document: Document, entry: Entry) -> bool:
    """Whether an entry's ID stands as `? ID` on one line."""
    key, lines = entry.key, document.lines
    return (
        entry.own
        and isinstance(key, Scalar)
        and key.style in ("", "'", '"')
        and isinstance(document.models, Mapping)
        and not document.models.flow
        and spans.question_mark_of(lines, key) >= 0
        and lines.number(key.start) == lines.number(key.end)
    )


def _walk(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    if isinstance(node, Mapping) or (not isinstance(node, Scalar | Alias)):
        for child in node.children:
            yield from _walk(child)


def _insert(document: Document, inserts: Items[Insert]) -> list[Splice]:
    models = document.models
    if document.models_key is None and models is None:
        return _add_section(document, inserts)
    if isinstance(models, Mapping) and document.models_key is not None:
        if models.flow and (models.children or not _stands_alone(document, models)):
            return [
                flow.addition(document.text, models, [(insert.id, dict(insert.fields)) for insert in inserts])
            ]
        if not models.flow:
            return [_insert_behind(document, models, inserts)]
    return _fill_empty(document, inserts)


def _insert_behind(document: Document, models: Mapping, inserts: Items[Insert]) -> Splice:
    """Behind the last line of the last entry, before the comments that follow it."""
    lines = document.lines
    firsts = [lines.number(key.start) for key in models.children[::2]]
    column = _column(document, models.children[0])
    blanks = spans.habit_of_blanks(lines, firsts)
    last = lines.number(spans.content_end(document.text, models))
    gap = _newline(document) * blanks
    text = gap.join(_entry(document, insert, column, _step(document, column)) for insert in inserts)
    if not spans.keeps_blanks(document.text, models):
        text = gap + text
    return Splice(lines.start(last + 1), lines.start(last + 1), text)


def _add_section(document: Document, inserts: Items[Insert]) -> list[Splice]:
    """A `models:` of our own at the end of the first document."""
    root, newline = document.root, _newline(document)
    if root is not None and root.flow:
        models: dict[str, Value] = {insert.id: dict(insert.fields) for insert in inserts}
        return [flow.addition(document.text, root, [("models", models)])]
    column = _column(document, root.children[0]) if root is not None else 0
    step = _step(document, column)
    entries = newline.join(_entry(document, insert, column + step, step) for insert in inserts)
    end = document.tree.end
    gap = newline if end > 0 else ""
    return [Splice(end, end, f"{gap}{' ' * column}models:{MARKER}{newline}{entries}")]


def _fill_empty(document: Document, inserts: Items[Insert]) -> list[Splice]:
    """Below a `models:` that holds nothing; what stood for nothing is taken away or commented out."""
    key, value, lines = document.models_key, document.models, document.lines
    if key is None or value is None or isinstance(value, Alias):
        raise _no_place(document, value, "`models` is an alias or comes by a merge key")
    colon = spans.colon_of(document.text, key, value)
    if colon < 0 or lines.number(value.end) != lines.number(colon):
        if isinstance(value, Scalar) and value.start == value.end and colon >= 0:
            return _entries_below(document, colon, inserts)
        raise _no_place(document, value, "`models` is written in a form that holds no entries")
    if value.start == value.end:
        return _entries_below(document, colon, inserts)
    if value.anchor is not None or value.tag is not None:
        raise _no_place(document, value, "`models` is empty and has an anchor or a tag")
    rest = document.text[colon + 1 : lines.start(lines.number(colon) + 1)].rstrip("\r\n\x85\u2028\u2029")
    if rest == " {}":
        cleared = Splice(colon + 1, colon + 1 + len(rest), "")
    else:
        cleared = Splice(value.start, value.start, "# " if rest[0] in " \t" else " # ")
    return [cleared, _below(document, colon, inserts)]


def _entries_below(document: Document, colon: int, inserts: Items[Insert]) -> list[Splice]:
    lines = document.lines
    number = lines.number(colon)
    end = lines.start(number) + len(lines.text_of(number))
    bare = not document.text[colon + 1 : end].strip(" \t")
    trace = [Splice(end, end, " ")] if bare else []
    return [*trace, _below(document, colon, inserts)]


def _below(document: Document, colon: int, inserts: Items[Insert]) -> Splice:
    lines, newline = document.lines, _newline(document)
    assert document.root is not None
    column = _column(document, document.root.children[0])
    step = _step(document, column)
    text = newline.join(_entry(document, insert, column + step, step) for insert in inserts)
    start = lines.start(lines.number(colon) + 1)
    return Splice(start, start, text)


def _stands_alone(document: Document, value: Node) -> bool:
    """Whether an empty `{}` stands on the line of `models:`, in block style, without anchor or tag."""
    root, lines = document.root, document.lines
    if root is None or root.flow or document.models_key is None or isinstance(value, Alias):
        return False
    plain = value.anchor is None and value.tag is None
    return plain and lines.number(document.models_key.start) == lines.number(value.end)


def _fill(document: Document, entry: Entry, fill: Fill) -> Splice:
    node, lines = entry.node, document.lines
    if isinstance(node, Mapping) and node.flow:
        return flow.addition(document.text, node, list(fill.fields.items()))
    own = _column(document, entry.key)
    step = _step(document, own)
    column = _column(document, node.children[0]) if isinstance(node, Mapping) else own + step
    last = lines.number(spans.value_end(document.text, entry.key, node))
    text = rendering.block_fields(fill.fields, column, step, _newline(document))
    return Splice(lines.start(last + 1), lines.start(last + 1), text)


def _rekey(document: Document, entry: Entry) -> list[Splice]:
    key = entry.key
    mark = spans.question_mark_of(document.lines, key)
    colon = spans.colon_of(document.text, key, entry.node)
    found = [Splice(mark, key.start, ""), Splice(key.end, key.end, ":")]
    return [*found, Splice(colon, colon + 1, " ")] if colon >= 0 else found


def _cut(document: Document, cuts: set[str], *, emptied: bool) -> list[Splice]:
    models = document.models
    assert isinstance(models, Mapping)
    own = [entry for entry in document.entries if entry.own]
    gone = [entry.id in cuts for entry in own]
    if models.flow:
        return flow.removal(document.text, models, [_is_cut(key, cuts) for key in models.children[::2]])
    found = []
    for index, entry in enumerate(own):
        if gone[index]:
            stays_below = index + 1 < len(own) and not gone[index + 1]
            found.append(_cut_lines(document, entry, own[index - 1] if index else None, stays_below))
    if emptied and all(gone) and len(own) == len(models.children) // 2:
        found += _emptied(document)
    return found


def _is_cut(key: Node, cuts: set[str]) -> bool:
    return isinstance(key, Scalar) and key.value in cuts


def _cut_lines(document: Document, entry: Entry, above: Entry | None, stays_below: bool) -> Splice:
    """An entry's lines with the blank lines above it; the first entry takes those below instead."""
    lines, text = document.lines, document.text
    first = lines.number(entry.key.start)
    last = lines.number(spans.value_end(text, entry.key, entry.node))
    if above is not None:
        floor = lines.number(spans.value_end(text, above.key, above.node)) + 1
        return Splice(lines.start(max(floor, first - lines.blanks_above(first))), lines.start(last + 1), "")
    if stays_below and not lines.is_comment(first - 1):
        while lines.is_blank(last + 1):
            last += 1
    return Splice(lines.start(first), lines.start(last + 1), "")


def _emptied(document: Document) -> list[Splice]:
    """What the line of `models:` becomes when its last entry goes: what it was before the first one came."""
    key, lines = document.models_key, document.lines
    assert key is not None
    assert document.models is not None
    colon = spans.colon_of(document.text, key, document.models)
    number = lines.number(colon)
    end = lines.start(number) + len(lines.text_of(number))
    rest = document.text[colon + 1 : end]
    if rest == MARKER:
        above = lines.is_blank(number - 1) if number else False
        return [Splice(lines.start(number - 1 if above else number), lines.start(number + 1), "")]
    if rest == "":
        return [Splice(end, end, " {}")]
    if not rest.strip(" \t"):
        return [Splice(end - 1, end, "")]
    if commented := _COMMENTED_OUT.match(rest):
        return [Splice(colon + 1 + commented.end() - 2, colon + 1 + commented.end(), "")]
    return []


def _entry(document: Document, insert: Insert, column: int, step: int) -> str:
    return rendering.block_entry(insert.id, insert.fields, column, step, _newline(document))


def _newline(document: Document) -> str:
    return spans.newline_of(document.text)


def _column(document: Document, key: Node) -> int:
    mark = spans.question_mark_of(document.lines, key)
    return document.lines.column(mark if mark >= 0 else key.start)


def _step(document: Document, column: int) -> int:
    """How much deeper the file puts what belongs to a key: as the last entry does, else the first nested setting."""
    models = document.models
    if isinstance(models, Mapping) and not models.flow:
        for value in reversed(models.children[1::2]):
            if isinstance(value, Mapping) and not value.flow:
                return _column(document, value.children[0]) - column
    if document.root is not None and not document.root.flow:
        for value in document.root.children[1::2]:
            if isinstance(value, Mapping) and not value.flow:
                return _column(document, value.children[0]) - _column(document, document.root.children[0])
    return DEFAULT_STEP


def _no_place(document: Document, value: Node | None, problem: str) -> ConfigError:
    line, column = position(document.text, value.start if value is not None else 0)
    return ConfigError(
        document.name,
        f"{problem}, so no entry can be added; write it as `models:` with entries",
        line,
        column,
    )
