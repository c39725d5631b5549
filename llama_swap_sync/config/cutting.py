"""Taking entries out: their lines and the blank lines above, never a comment between entries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llama_swap_sync.config import flow, habits, spans
from llama_swap_sync.config.splice import Splice
from llama_swap_sync.config.yaml_reading import Mapping, Node, Scalar

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document, Entry

MARKER = "  # added by llama-swap-sync"
"""Stands behind a `models:` that we added, and tells the last cut to take it away again."""

_EMPTY_VALUE = r"(\{[ \t]*\}|\[[ \t]*\]|~|null|Null|NULL)"
_COMMENTED_OUT = re.compile(rf"([ \t]*)# (?={_EMPTY_VALUE})")


def cut_splices(document: Document, cuts: set[str], *, emptied: bool) -> list[Splice]:
    """The lines of entries gone; with `emptied` (nothing is inserted) also what `models:` then says."""
    models = document.models
    assert isinstance(models, Mapping)
    own = [entry for entry in document.entries if entry.own]
    gone = [entry.id in cuts for entry in own]
    if models.flow:
        return flow.removal(document.text, models, [_is_cut(key, cuts) for key in models.children[::2]])
    found = []
    end: spans.OpenEnd | None = None
    for index, entry in enumerate(own):
        above = own[index - 1] if index else None
        if not gone[index]:
            end = _open_end(document, entry) if index + 1 < len(own) and gone[index + 1] else None
            continue
        if above is not None and _comment_between(document, above, entry):
            end = None
        is_first_of_many = index == 0 and index + 1 < len(own) and not gone[index + 1]
        found.append(_cut_lines(document, entry, above, end, is_first_of_many))
    if emptied and all(gone) and len(own) == len(models.children) // 2:
        found += _emptied(document)
    return found


def _is_cut(key: Node, cuts: set[str]) -> bool:
    return isinstance(key, Scalar) and key.value in cuts


def _cut_lines(
    document: Document, entry: Entry, above: Entry | None, end: spans.OpenEnd | None, is_first: bool
) -> Splice:
    """An entry's lines with the blank lines above it; the first entry takes those below instead.

    Also those lines below that a block scalar which then stands directly above (`end`) would take in. Where a
    comment stands above the first entry, the blank lines below stay: it is not the next entry's comment.
    """
    lines = document.lines
    first = lines.number(entry.key.start)
    last = habits.last_line(document, entry.key, entry.node)
    start = first
    if above is not None:
        start = max(habits.last_line(document, above.key, above.node) + 1, first - lines.blanks_above(first))
    if is_first and not lines.is_comment(first - 1):
        while lines.is_blank(last + 1):
            last += 1
    if end is not None:
        last = _past_taken_in(document, end, last)
    return Splice(lines.start(start), lines.start(last + 1), "")


def _open_end(document: Document, entry: Entry) -> spans.OpenEnd | None:
    """The block scalar in which an entry ends; None when a comment glued to the entry closes it."""
    content = document.lines.number(spans.value_end(document.text, entry.key, entry.node))
    if habits.last_line(document, entry.key, entry.node) > content:
        return None
    return spans.open_end(document.text, entry.node)


def _comment_between(document: Document, above: Entry, entry: Entry) -> bool:
    lines = document.lines
    start = habits.last_line(document, above.key, above.node) + 1
    return any(lines.is_comment(number) for number in range(start, lines.number(entry.key.start)))


def _past_taken_in(document: Document, end: spans.OpenEnd, last: int) -> int:
    """The last line below that a block scalar would take in, blank lines before it included."""
    lines, number = document.lines, last + 1
    while lines.is_blank(number) or lines.is_comment(number):
        if end.takes_in(lines.text_of(number)):
            last = number
        elif lines.is_comment(number):
            break
        number += 1
    return last


def _is_kept_above(document: Document, key: Node) -> bool:
    """Whether blank lines above a top-level key are part of the `|+` block that stands there."""
    assert document.root is not None
    siblings = document.root.children
    index = siblings.index(key)
    end = spans.open_end(document.text, siblings[index - 1]) if index else None
    return end is not None and end.keeps_blanks


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
        above = number > 0 and lines.is_blank(number - 1) and not _is_kept_above(document, key)
        return [Splice(lines.start(number - 1 if above else number), lines.start(number + 1), "")]
    if rest == "":
        return [Splice(end, end, " {}")]
    if not rest.strip(" \t"):
        return [Splice(end - 1, end, "")]
    if commented := _COMMENTED_OUT.match(rest):
        return [Splice(colon + 1 + commented.end() - 2, colon + 1 + commented.end(), "")]
    return []
