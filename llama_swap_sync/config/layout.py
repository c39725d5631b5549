"""Where an edit's text goes: each edit of a document as splices, in the file's own habits.

New lines take the file's indentation, line ending and number of blank lines between entries. What is cut is
what inserting put there: cutting an entry right after its insertion gives the bytes from before. To that end
an empty `models` leaves a trace that the last cut reads back:

    models: {}          becomes  models:             and back
    models:             becomes  models:_            (a blank), and back
    models: {}  # mine  becomes  models: # {}  # mine   and back; likewise [], null and ~
    (no models at all)  gets     models:  # added by llama-swap-sync   (with a blank line above), and loses
    it again

`{…}` that already spans lines or holds entries stays flow style, and new entries follow it.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from llama_swap_sync.config import cutting, flow, habits, rendering, spans
from llama_swap_sync.config.edits import Cut, Edit, Fill, Insert, Rekey
from llama_swap_sync.config.scalars import Value
from llama_swap_sync.config.splice import Splice
from llama_swap_sync.config.yaml_reading import Alias, Mapping, Node, Scalar, position
from llama_swap_sync.errors import ConfigError

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document, Entry


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
        found += cutting.cut_splices(document, cuts, emptied=not inserts)
    if inserts:
        found += _insert(document, inserts)
    return found


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
    """Behind the last line of the last entry, before the comments that follow it.

    Between a `|+` block and what follows no blank line is put: it would become part of the block.
    """
    lines = document.lines
    firsts = [lines.number(key.start) for key in models.children[::2]]
    column = habits.column_of(document, models.children[0])
    blanks = spans.habit_of_blanks(lines, firsts)
    last = habits.last_line(document, models.children[-2], models.children[-1])
    gap = habits.newline(document) * blanks
    text = gap.join(
        _entry(document, insert, column, habits.step_below(document, column)) for insert in inserts
    )
    end = spans.open_end(document.text, models)
    if end is None or not end.keeps_blanks:
        text = gap + text
    return Splice(lines.start(last + 1), lines.start(last + 1), text)


def _add_section(document: Document, inserts: Items[Insert]) -> list[Splice]:
    """A `models:` of our own at the end of the first document, a blank line above it.

    None behind a `|+` block: it would become part of the block.
    """
    root, newline = document.root, habits.newline(document)
    if root is not None and root.flow:
        models: dict[str, Value] = {insert.id: dict(insert.fields) for insert in inserts}
        return [flow.addition(document.text, root, [("models", models)])]
    column = habits.column_of(document, root.children[0]) if root is not None else 0
    step = habits.step_below(document, column)
    entries = newline.join(_entry(document, insert, column + step, step) for insert in inserts)
    end = document.tree.end
    above = spans.open_end(document.text, root) if root is not None else None
    gap = newline if end > 0 and (above is None or not above.keeps_blanks) else ""
    return [Splice(end, end, f"{gap}{' ' * column}models:{cutting.MARKER}{newline}{entries}")]


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
    lines, newline = document.lines, habits.newline(document)
    assert document.root is not None
    column = habits.column_of(document, document.root.children[0])
    step = habits.step_below(document, column)
    text = newline.join(_entry(document, insert, column + step, step) for insert in inserts)
    number = lines.number(colon) + 1
    while lines.comment_column(number) > column + step:  # below an entry it would be taken for a part of that
        number += 1
    return Splice(lines.start(number), lines.start(number), text)


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
    own = habits.column_of(document, entry.key)
    step = habits.step_below(document, own)
    column = habits.column_of(document, node.children[0]) if isinstance(node, Mapping) else own + step
    last = habits.last_line(document, entry.key, node)
    text = rendering.block_fields(fill.fields, column, step, habits.newline(document))
    return Splice(lines.start(last + 1), lines.start(last + 1), text)


def _rekey(document: Document, entry: Entry) -> list[Splice]:
    key = entry.key
    mark = spans.question_mark_of(document.lines, key)
    colon = spans.colon_of(document.text, key, entry.node)
    found = [Splice(mark, key.start, ""), Splice(key.end, key.end, ":")]
    return [*found, Splice(colon, colon + 1, " ")] if colon >= 0 else found


def _entry(document: Document, insert: Insert, column: int, step: int) -> str:
    return rendering.block_entry(insert.id, insert.fields, column, step, habits.newline(document))


def _no_place(document: Document, value: Node | None, problem: str) -> ConfigError:
    line, column = position(document.text, value.start if value is not None else 0)
    return ConfigError(
        document.name,
        f"{problem}, so no entry can be added; write it as `models:` with entries",
        line,
        column,
    )
