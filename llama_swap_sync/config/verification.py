"""The proof behind every edit: the new text, parsed again, says what the old one said plus the edits."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from llama_swap_sync.config.edits import Cut, Edit, Fill, Insert
from llama_swap_sync.config.scalars import Value, is_string, value_of
from llama_swap_sync.config.yaml_reading import Alias, Mapping, Node, Scalar, scalar_of
from llama_swap_sync.errors import ConfigError

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document


def check(before: Document, after: Document, edits: Items[Edit]) -> None:
    """Raise ConfigError unless `after` says what `before` said plus the edits, in the same order."""
    problem = _settings_problem(before, after) or _models_problem(before, after, edits)
    if problem:
        raise ConfigError(
            before.name,
            f"an edit of this file did not come out as planned ({problem}), so nothing was written; "
            "please report it with the file",
        )


def _settings_problem(before: Document, after: Document) -> str | None:
    old = [pair for pair in _pairs(before.root) if pair[0] is not before.models_key]
    new = [pair for pair in _pairs(after.root) if pair[0] is not after.models_key]
    if len(old) != len(new):
        return "the number of top-level keys differs"
    for (old_key, old_value), (new_key, new_value) in zip(old, new, strict=True):
        if not (_same(old_key, new_key) and _same(old_value, new_value)):
            return f"the key at {before.place(old_key.start)} changed"
    return None


def _models_problem(before: Document, after: Document, edits: Items[Edit]) -> str | None:
    cuts = {edit.id for edit in edits if isinstance(edit, Cut)}
    fills = {edit.id: edit.fields for edit in edits if isinstance(edit, Fill)}
    inserts = [edit for edit in edits if isinstance(edit, Insert)]
    kept = [pair for pair in _pairs(before.models) if _name(pair[0]) not in cuts]
    new = _pairs(after.models)
    if len(new) != len(kept) + len(inserts):
        return f"{len(new)} entries instead of {len(kept) + len(inserts)}"
    for (old_key, old_value), (key, value) in zip(kept, new, strict=False):
        added = fills.get(_name(old_key) or "", {})
        if not _same(old_key, key) or not _same_plus(old_value, value, dict(added)):
            return f"the entry at {before.place(old_key.start)} changed"
    for insert, (key, value) in zip(inserts, new[len(kept) :], strict=True):
        if not _is_string(key, insert.id) or repr(value_of(value)) != repr(dict(insert.fields)):
            return f"the new entry {insert.id!r} reads differently"
    return None


def _pairs(node: Node | None) -> list[tuple[Node, Node]]:
    return node.pairs if isinstance(node, Mapping) else []


def _name(key: Node) -> str | None:
    scalar = scalar_of(key)
    return scalar.value if scalar is not None else None


def _is_string(key: Node, text: str) -> bool:
    return isinstance(key, Scalar) and key.value == text and is_string(key)


def _same_plus(old: Node, new: Node, added: dict[str, Value]) -> bool:
    if not added:
        return _same(old, new)
    if not isinstance(new, Mapping):
        return False
    count = len(old.children) if isinstance(old, Mapping) else 0
    rest = Mapping(new.flow, None, None, new.start, new.end, new.children[count:])
    same = all(_same(was, now) for was, now in zip(_children(old), new.children, strict=False))
    return same and repr(value_of(rest)) == repr(added)


def _children(node: Node) -> list[Node]:
    return node.children if isinstance(node, Mapping) else []


def _same(old: Node, new: Node) -> bool:
    """Whether two nodes are written alike: what they say, not where they stand."""
    if isinstance(old, Scalar):
        return (
            isinstance(new, Scalar)
            and old.value == new.value
            and old.style == new.style
            and old.tag == new.tag
            and old.anchor == new.anchor
        )
    if isinstance(old, Alias):
        return isinstance(new, Alias) and old.anchor == new.anchor
    if type(old) is not type(new) or isinstance(new, Scalar | Alias):
        return False
    if old.anchor != new.anchor or old.tag != new.tag or len(old.children) != len(new.children):
        return False
    return all(map(_same, old.children, new.children))
