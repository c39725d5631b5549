"""Who else in the file says an ID: names that a new entry must not take, and places that hold a stale one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.macros import Macros
from llama_swap_sync.config.scalars import fields_of
from llama_swap_sync.config.yaml_reading import Mapping, Node, Scalar, Sequence, resolved, scalar_of

SECTIONS = ("groups", "hooks", "profiles", "matrix", "selectors", "routing")
"""The top-level keys under which IDs of `models` are named."""

_NAMING = frozenset(("groups", "profiles", "selectors"))
"""Their own keys are names of groups, profiles and selectors, no IDs of models."""

_SET_WORD = re.compile(r"[^\s&|()+]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a section says, and where: `section` as a path of keys, `index` into the text."""

    name: str
    section: str
    index: int


def taken_names(document: Document) -> set[str]:
    """All names that llama-swap knows: IDs, aliases, setParamsByID keys, selectors, peers' models."""
    macros = Macros.of(document)
    taken = set(_keys(document.settings.get("selectors")))
    for entry in document.entries:
        taken.update(names_of(entry, macros))
    peers = document.settings.get("peers")
    for peer, node in _fields(peers).items():
        for model in _strings(_fields(node).get("models")):
            taken.update((model, f"{peer}/{model}"))
    return taken


def names_of(entry: Entry, macros: Macros) -> set[str]:
    """The names by which an entry is asked for: ID, aliases and the keys of `filters.setParamsByID`."""
    names = {entry.id}
    if "aliases" in entry.fields:
        names.update(macros.expanded(alias, entry) for alias in _strings(entry.fields["aliases"]))
    if "filters" in entry.fields:
        keys = _keys(_fields(entry.fields["filters"]).get("setParamsByID"))
        names.update(macros.expanded(key, entry) for key in keys)
    return names


def references(document: Document) -> dict[str, Reference]:
    """The first place that says each name under `SECTIONS`."""
    macros = Macros.of(document)
    found: dict[str, Reference] = {}
    for section in SECTIONS:
        if (node := document.settings.get(section)) is not None:
            for reference in _named(node, section, section in _NAMING, set()):
                name = macros.expanded(reference.name).strip()
                found.setdefault(name, Reference(name, reference.section, reference.index))
    return found


def _named(node: Node, section: str, keys_are_names: bool, seen: set[int]) -> Iterator[Reference]:
    target = resolved(node)
    if id(target) in seen:  # an alias: what it repeats was named where it stands
        return
    seen.add(id(target))
    if isinstance(target, Scalar):
        yield Reference(target.value, section, node.start)
        if ".sets." in section:
            for word in _SET_WORD.findall(target.value):
                yield Reference(word, section, node.start)
    elif isinstance(target, Sequence):
        for child in target.children:
            yield from _named(child, section, False, seen)
    else:
        for key, value in target.pairs:
            name = scalar_of(key)
            if name is None:
                continue
            if not keys_are_names:
                yield Reference(name.value, section, key.start)
            yield from _named(value, f"{section}.{name.value}", name.value in _NAMING, seen)


def _fields(node: Node | None) -> dict[str, Node]:
    mapping = resolved(node) if node is not None else None
    return fields_of(mapping) if isinstance(mapping, Mapping) else {}


def _keys(node: Node | None) -> list[str]:
    return list(_fields(node))


def _strings(node: Node | None) -> list[str]:
    sequence = resolved(node) if node is not None else None
    if not isinstance(sequence, Sequence):
        return []
    return [scalar.value for child in sequence.children if (scalar := scalar_of(child)) is not None]
