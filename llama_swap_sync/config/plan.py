"""From a config.yaml, a library and the settings to the bytes that should stand there: pure, and checked.

`plan` decides what is added, filled, removed and refused; `Plan` says it as bytes, as a diff and as
sentences. The same input gives the same plan on every machine, and a plan made from its own result changes
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llama_swap_sync.config import edits, feasibility
from llama_swap_sync.config.audit import audit
from llama_swap_sync.config.changes import Add, Change, Fill, Refusal, Rekey, Remove, Stale
from llama_swap_sync.config.collector import paused
from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.entries import CREATED, new_entry
from llama_swap_sync.config.identity import Identity, Shelf, identify_all
from llama_swap_sync.config.ids import free_id, generated_id
from llama_swap_sync.config.prune import prune, stale_entries
from llama_swap_sync.config.references import taken_names
from llama_swap_sync.config.scalars import plain_value
from llama_swap_sync.config.yaml_reading import Mapping as MappingNode
from llama_swap_sync.config.yaml_reading import resolved, scalar_of
from llama_swap_sync.errors import ConfigError

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Library, Model
    from llama_swap_sync.settings import Settings

__all__ = ["Add", "Change", "Fill", "Plan", "Refusal", "Rekey", "Remove", "Stale", "plan"]


@dataclass(frozen=True)
class Plan:
    """What to do to a config.yaml and what comes of it.

    `listed`: IDs that llama-swap must list once `after` is served. `stale`: all stale entries, removed or
    not. `served`: a model's path -> IDs of the entries that serve it, after the plan.
    """

    before: bytes
    after: bytes
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    listed: frozenset[str] = frozenset()
    stale: tuple[Stale, ...] = ()
    served: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    @property
    def fingerprint(self) -> str:
        """Hex digest of both texts: equal for the same step from the same file."""
        digest = hashlib.sha256(self.before)
        digest.update(len(self.before).to_bytes(8, "big"))
        digest.update(self.after)
        return digest.hexdigest()

    def diff(self, name: str) -> str:
        """A unified diff, empty when nothing changes."""
        from llama_swap_sync.config.diff import unified

        return unified(self.before, self.after, name)

    def sentences(self) -> list[str]:
        """One line for each change, then for each refusal."""
        return [item.sentence for item in (*self.changes, *self.refusals)]


def plan(
    document: Document,
    library: Library,
    settings: Settings,
    *,
    exists: Callable[[str], bool],
    refused: frozenset[str] = frozenset(),
    gone_for_good: Callable[[str], bool] = lambda _path: True,
) -> Plan:
    """The plan for a document.

    `exists(relative path)`: whether anything is there (True when unknown). `refused`: paths of models not to
    add now. `gone_for_good(relative path)`: whether a missing file has been gone long enough to prune its
    entry.

    Raises ConfigError when the file's form leaves no place for an edit, or an edit fails its check.
    """
    with paused():
        return _plan(document, library, settings, exists, refused, gone_for_good)


def _plan(
    document: Document,
    library: Library,
    settings: Settings,
    exists: Callable[[str], bool],
    refused: frozenset[str],
    gone_for_good: Callable[[str], bool],
) -> Plan:
    before = document.source
    if document.is_empty:
        document = Document.parse(before + CREATED.encode(), document.name)
    shelf = Shelf.of(library.models, lambda path: generated_id(path, settings.max_key_length))
    identities = identify_all(document, shelf, settings.models_mount)

    added, unfit = _additions(document, library, settings, identities, refused)
    fills, unfilled = audit(document, identities, {model.path: model for model in library.models}, settings)
    stale = stale_entries(document, identities, exists)
    removed, kept = prune(document, identities, stale, library, settings, gone_for_good)
    rekeyed = _rekeyed(document, shelf)
    wanted: list[edits.Edit] = [
        *(edits.Rekey(entry_id) for entry_id in rekeyed),
        *fills,
        *(edits.Insert(entry_id, new_entry(model, settings)) for entry_id, model in added.items()),
    ]
    after, removed, uncut = _edited(document, wanted, removed)
    return Plan(
        before=before,
        after=after.source,
        changes=(
            *(Add(entry_id, model.path) for entry_id, model in added.items()),
            *(Fill(fill.id, tuple(fill.fields)) for fill in fills),
            *(Remove(entry.id, entry.path) for entry in removed),
            *(Rekey(entry_id) for entry_id in rekeyed),
        ),
        refusals=(*unfit, *unfilled, *kept, *uncut),
        warnings=_warnings(document, settings, added),
        listed=_listed(after),
        stale=stale,
        served=_served(identities, added, {entry.id for entry in removed}),
    )


def _rekeyed(document: Document, shelf: Shelf) -> list[str]:
    """IDs that we would generate and that stand as `? ID`."""
    return [
        entry.id
        for entry in document.entries
        if entry.id in shelf.by_id and feasibility.can_rekey(document, entry)
    ]


def _edited(
    document: Document, wanted: list[edits.Edit], removed: list[Stale]
) -> tuple[Document, list[Stale], list[Refusal]]:
    """The document with the edits made. A removal that fails its check keeps nothing else from being done."""
    if not wanted and not removed:
        return document, [], []
    try:
        return document.edited([*wanted, *(edits.Cut(entry.id) for entry in removed)]), removed, []
    except ConfigError:
        if not removed:
            raise
    reason = "can't be cut out of the file without changing what else it says; remove the entry by hand"
    refusals = [Refusal(entry.id, f"its file {entry.path} is gone, but it {reason}") for entry in removed]
    return document.edited(wanted) if wanted else document, [], refusals


def _additions(
    document: Document,
    library: Library,
    settings: Settings,
    identities: Mapping[str, Identity],
    refused: frozenset[str],
) -> tuple[dict[str, Model], list[Refusal]]:
    served = {path for identity in identities.values() for path in identity.models}
    taken: set[str] | None = None
    added: dict[str, Model] = {}
    unfit = []
    for model in library.models:
        if model.path in served or model.path in refused:
            continue
        if reason := _unfit(model):
            unfit.append(Refusal(model.path, reason))
            continue
        taken = taken_names(document) if taken is None else taken
        entry_id = free_id(model.path, settings.max_key_length, taken)
        taken.add(entry_id)
        added[entry_id] = model
    return added, unfit


def _unfit(model: Model) -> str | None:
    """Why a path can't stand in a command: what llama-swap or YAML would make something else of."""
    paths = (model.path, *((model.projector.path,) if model.projector else ()))
    if any("${" in path for path in paths):
        return "llama-swap would expand ${ in its path; rename it"
    if any("\n" in path or "\r" in path for path in paths):
        return "its path has a line break; rename it"
    if any(_has_surrogate(path) for path in paths):
        return "its path is not UTF-8; rename it"
    return None


def _has_surrogate(path: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in path)


def _warnings(document: Document, settings: Settings, added: Mapping[str, Model]) -> tuple[str, ...]:
    warnings = document.warnings
    if added and document.global_ttl and settings.ttl == 0:
        sentence = (
            f"{document.name} has globalTTL: {document.global_ttl}, but new entries get SYNC_TTL's ttl: 0 "
            "and are never unloaded; set SYNC_TTL=-1 to let globalTTL hold for them"
        )
        warnings = (*warnings, sentence)
    return warnings


def _listed(document: Document) -> frozenset[str]:
    if document.serves_nothing:
        return frozenset()
    return frozenset(entry.id for entry in document.entries if _is_listed(entry))


def _is_listed(entry: Entry) -> bool:
    if not isinstance(resolved(entry.node), MappingNode):
        return False
    node = entry.fields.get("unlisted")
    scalar = scalar_of(node) if node is not None else None
    return scalar is None or plain_value(scalar) in (False, None)


def _served(
    identities: Mapping[str, Identity], added: Mapping[str, Model], removed: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    gone = set(removed)
    served: dict[str, tuple[str, ...]] = {}
    for entry_id, identity in identities.items():
        for path in identity.models if entry_id not in gone else ():
            served[path] = (*served.get(path, ()), entry_id)
    for entry_id, model in added.items():
        served[model.path] = (*served.get(model.path, ()), entry_id)
    return served
