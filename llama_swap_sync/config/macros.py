"""Macros as llama-swap expands them: `${name}`, an entry's own over the file's, later ones built on earlier
ones.

The value is the scalar's own characters, so `fit: on` is `on` and `ctx: 131072` is `131072`, whatever a YAML
reader would make of them. `${PORT}`, `${PID}` and `${env.X}` are not ours to know and stay. Source:
llama-swap's internal/config/macros.go, which replaces from the last definition to the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.scalars import fields_of
from llama_swap_sync.config.yaml_reading import Mapping, Node, resolved, scalar_of

LONGEST = 65_536
"""Macros that double each other grow without end; a text that would outgrow this stays as far as it got."""


@dataclass(frozen=True, slots=True)
class Macros:
    """The macros of a file."""

    shared: dict[str, str]

    @classmethod
    def of(cls, document: Document) -> Macros:
        """The top-level macros of a document."""
        return cls(_read(document.settings.get("macros")))

    def expanded(self, text: str, entry: Entry | None = None) -> str:
        """The text with all macros put in that are known, with those of an entry where it is one's own."""
        if "${" not in text:
            return text
        macros = self.shared
        if entry is not None:
            macros = {"MODEL_ID": entry.id, **macros, **_read(entry.fields.get("macros"))}
        for name in reversed(macros):
            slug = f"${{{name}}}"
            if slug in text and len(text) + text.count(slug) * len(macros[name]) <= LONGEST:
                text = text.replace(slug, macros[name])
        return text


def _read(node: Node | None) -> dict[str, str]:
    mapping = resolved(node) if node is not None else None
    if not isinstance(mapping, Mapping):
        return {}
    found = {name: scalar_of(value) for name, value in fields_of(mapping).items()}
    return {name: scalar.value for name, scalar in found.items() if scalar is not None}
