"""Which entry serves which file of the library, so that no model gets a second entry and no other's entry is
touched.

By the path that the entry's command names; that may be written in many ways (`real-configs`: only 26 of 125
files use `/models`), so path endings and file names count as well. An entry is a *library entry* only by a
path under the models mount; every other one that serves a file is left as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llama_swap_sync.config import command_reading
from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.macros import Macros
from llama_swap_sync.config.yaml_reading import Sequence as SequenceNode
from llama_swap_sync.config.yaml_reading import resolved, scalar_of

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Model

_ENVIRONMENT = "LLAMA_ARG_MODEL="
_FILE_NAME = re.compile(r"[^\s\"'=:,;/\\]+\.gguf", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identity:
    """What an entry serves.

    `models` are paths of models. `inside` is the path under the mount that its command names, relative, None
    when it names none there; with it the entry is a library entry (its file is there) or possibly stale (it
    is not). `by_id` says that only its ID tells the file, and that it has no command that could say
    otherwise.
    """

    models: tuple[str, ...] = ()
    inside: str | None = None
    by_id: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """The library's models, found by path, by file name and by the ID that would be generated."""

    by_path: dict[str, Model] = field(default_factory=dict)
    by_name: dict[str, list[Model]] = field(default_factory=dict)
    by_id: dict[str, Model] = field(default_factory=dict)
    odd_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, models: Sequence[Model], id_of: Callable[[str], str]) -> Shelf:
        """Models with the IDs that are generated for each of their links (`id_of`: path -> ID).

        Of two with one ID the first counts, and a model's own path before another's link.
        """
        shelf = cls()
        for model in models:
            for path in (*model.files, *model.other_paths, model.path):
                if shelf.by_path.setdefault(path, model) is model:
                    shelf.by_name.setdefault(posixpath.basename(path), []).append(model)
            shelf.by_id.setdefault(id_of(model.path), model)
        for model in models:
            for path in model.other_paths:
                shelf.by_id.setdefault(id_of(path), model)
        odd = tuple(name for name in shelf.by_name if not _FILE_NAME.fullmatch(name))
        return cls(shelf.by_path, shelf.by_name, shelf.by_id, odd)

    def ending(self, path: str) -> Model | None:
        """The model whose relative path ends this path (the longest), else the only one of its file name."""
        tail = path
        while tail:
            if tail in self.by_path:
                return self.by_path[tail]
            _, _, tail = tail.partition("/")
        return self.named(posixpath.basename(path))

    def named(self, name: str) -> Model | None:
        """The model with this file name, when there is only one."""
        found = {model.path: model for model in self.by_name.get(name, ())}
        return next(iter(found.values())) if len(found) == 1 else None

    def mentioned(self, text: str) -> tuple[str, ...]:
        """Paths of the models whose file names occur in a text."""
        names = {match for match in _FILE_NAME.findall(text) if match in self.by_name}
        names.update(name for name in self.odd_names if name in text)
        return tuple(sorted({model.path for name in names for model in self.by_name[name]}))


def identify(entry: Entry, shelf: Shelf, macros: Macros, mount: str) -> Identity:
    """What one entry serves; see the module for the order of the signs."""
    environment = [macros.expanded(text, entry) for text in _listed(entry, "env")]
    words = command_reading.words(macros.expanded(entry.text("cmd") or "", entry))
    words += [
        macros.expanded(text, entry) for text in _listed(entry, "cmd")
    ]  # no command for llama-swap, but clear
    path = command_reading.model_path(words) or _path_of(environment)
    if path is not None:
        return _by_path(path, shelf, mount, inside_container=command_reading.runs_container(words))
    if mentioned := shelf.mentioned("\n".join((*words, *environment))):
        return Identity(mentioned)
    by_id = shelf.by_id.get(entry.id)
    return Identity((by_id.path,), by_id=not words) if by_id is not None else Identity()


def identify_all(document: Document, shelf: Shelf, mount: str) -> dict[str, Identity]:
    """Every entry's identity, by ID."""
    macros = Macros.of(document)
    return {entry.id: identify(entry, shelf, macros, mount) for entry in document.entries}


def _by_path(path: str, shelf: Shelf, mount: str, *, inside_container: bool) -> Identity:
    path = posixpath.normpath(path)
    prefix = mount.rstrip("/") + "/"
    if path.startswith(prefix) and not inside_container:
        inside = path.removeprefix(prefix)
        model = shelf.by_path.get(inside)
        return Identity((model.path,) if model else (), inside)
    model = shelf.ending(path) or shelf.ending(path.replace("\\", "/"))
    return Identity((model.path,) if model else ())


def _listed(entry: Entry, name: str) -> list[str]:
    node = entry.fields.get(name)
    items = resolved(node) if node is not None else None
    if not isinstance(items, SequenceNode):
        return []
    return [scalar.value for item in items.children if (scalar := scalar_of(item)) is not None]


def _path_of(environment: Iterable[str]) -> str | None:
    found = None
    for text in environment:
        if text.startswith(_ENVIRONMENT):
            found = text.removeprefix(_ENVIRONMENT)
    return found if found and found.lower().endswith(".gguf") else None
