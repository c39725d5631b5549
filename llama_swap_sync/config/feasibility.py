"""Which edits the form of an entry allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from llama_swap_sync.config import spans
from llama_swap_sync.config.yaml_reading import Alias, Mapping, Node, Scalar

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document, Entry


def can_fill(document: Document, entry: Entry) -> bool:
    """Whether keys can be added to an entry: it stands here itself, as a mapping or as nothing yet.

    Not where a merge key or an alias repeats it elsewhere: there the new keys would win over others.
    """
    node = entry.node
    if not entry.own or isinstance(document.models, Alias):
        return False
    if isinstance(node, Mapping):
        return not _is_repeated_elsewhere(document, entry)
    in_block = isinstance(document.models, Mapping) and not document.models.flow
    return in_block and isinstance(node, Scalar) and node.start == node.end


def can_cut(document: Document, entry: Entry, going: Iterable[Entry] = ()) -> bool:
    """Whether an entry's lines are its own, and no `&anchor` in it is used elsewhere, `going` left out."""
    if not entry.own or not isinstance(document.models, Mapping):
        return False
    return not _is_repeated_elsewhere(document, entry, going)


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


def _is_repeated_elsewhere(document: Document, entry: Entry, going: Iterable[Entry] = ()) -> bool:
    inside = list(_walk(entry.node))
    nodes = (node for node in (entry.key, *inside) if not isinstance(node, Alias))
    named = {id(node) for node in nodes if node.anchor is not None}
    if not named:
        return False
    known = {id(node) for node in inside} | {id(node) for other in going for node in _walk(other.node)}
    return any(
        isinstance(node, Alias) and id(node.target) in named and id(node) not in known
        for node in _walk(document.root)
    )


def _walk(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield node
    if isinstance(node, Mapping) or (not isinstance(node, Scalar | Alias)):
        for child in node.children:
            yield from _walk(child)
