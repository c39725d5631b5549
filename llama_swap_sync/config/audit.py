"""Which entries lack keys of the template, and what those say so that nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llama_swap_sync.config import command, edits, feasibility
from llama_swap_sync.config.changes import Refusal
from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.entries import TEMPLATE_KEYS, unchanging_value
from llama_swap_sync.config.identity import Identity
from llama_swap_sync.config.scalars import Value

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Model
    from llama_swap_sync.settings import Settings


def audit(
    document: Document, identities: Mapping[str, Identity], models: Mapping[str, Model], settings: Settings
) -> tuple[list[edits.Fill], list[Refusal]]:
    """The missing keys of library entries (`SYNC_AUDIT=all`: of every entry). A value that is there stays.

    `cmd` is filled only where the file is known: by the entry's environment, or by its ID when it has no
    command. An entry that is an alias has no place for keys of its own: a refusal says so.
    """
    if settings.audit == "off":
        return [], []
    fills, refusals = [], []
    for entry in document.entries:
        if not entry.own or not (_is_audited(identities[entry.id]) or settings.audit == "all"):
            continue
        missing = _missing(document, entry, _model(identities[entry.id], models), settings)
        if missing and feasibility.can_fill(document, entry):
            fills.append(edits.Fill(entry.id, missing))
        elif missing:
            refusals.append(
                Refusal(entry.id, f"lacks {', '.join(missing)}, and is no mapping of its own to add them to")
            )
    return fills, refusals


def _is_audited(identity: Identity) -> bool:
    return bool(identity.models) and (identity.inside is not None or identity.by_id)


def _model(identity: Identity, models: Mapping[str, Model]) -> Model | None:
    return models[identity.models[0]] if _is_audited(identity) else None


def _missing(document: Document, entry: Entry, model: Model | None, settings: Settings) -> dict[str, Value]:
    missing: dict[str, Value] = {}
    for key in TEMPLATE_KEYS:
        if key in entry.fields:
            continue
        if key != "cmd":
            missing[key] = unchanging_value(key, document.global_ttl)
        elif model is not None:
            missing[key] = command.text(model, settings)
    return missing
