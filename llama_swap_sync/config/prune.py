"""Which stale entries may go, and why the others stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from llama_swap_sync.config import feasibility
from llama_swap_sync.config.changes import Refusal, Stale
from llama_swap_sync.config.document import Document, Entry
from llama_swap_sync.config.identity import Identity
from llama_swap_sync.config.macros import Macros
from llama_swap_sync.config.references import names_of, references

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Library
    from llama_swap_sync.settings import Settings


def stale_entries(
    document: Document, identities: Mapping[str, Identity], exists: Callable[[str], bool]
) -> tuple[Stale, ...]:
    """Entries whose command names a file under the mount that is neither a model nor there at all."""
    return tuple(
        Stale(entry.id, inside)
        for entry in document.entries
        if not identities[entry.id].models
        and (inside := identities[entry.id].inside) is not None
        and not exists(inside)
    )


def prune(
    document: Document,
    identities: Mapping[str, Identity],
    stale: tuple[Stale, ...],
    library: Library,
    settings: Settings,
    gone_for_good: Callable[[str], bool],
) -> tuple[list[Stale], list[Refusal]]:
    """The stale entries to remove, and a named reason for each that is due and stays.

    Those whose file is not gone for good yet are neither: they wait.
    """
    due = [entry for entry in stale if gone_for_good(entry.path)]
    if not settings.prune or not due:
        return [], []
    library_entries = sum(identity.inside is not None for identity in identities.values())
    if reason := _folder_problem(library, library_entries, settings):
        return [], [Refusal("prune", reason)]
    if len(due) > library_entries * settings.prune_limit:
        return [], [
            Refusal(
                "prune",
                f"{len(due)} of {library_entries} library entries have lost their file, more than "
                f"SYNC_PRUNE_LIMIT ({settings.prune_limit:.0%}) allows at once, so none is removed; "
                f"if they are meant to go, raise the limit for one run ({_named(due)})",
            )
        ]
    return _allowed(document, due)


def _folder_problem(library: Library, library_entries: int, settings: Settings) -> str | None:
    """An unmounted share looks like a folder whose files have all gone."""
    if library.problem:
        state = f"can't be looked at ({library.problem})"
    elif not library.models:
        state = "holds no model"
    else:
        return None
    return (
        f"{settings.models_dir} {state} while the file has {library_entries} library entries, "
        "so none is removed; is the share mounted?"
    )


def _allowed(document: Document, due: list[Stale]) -> tuple[list[Stale], list[Refusal]]:
    named = references(document)
    macros = Macros.of(document)
    allowed: list[Stale] = []
    going: list[Entry] = []
    refusals = []
    for stale in reversed(due):  # an alias stands below its anchor: what it repeats may go once it goes
        entry = document.by_id[stale.id]
        holders = [named[name] for name in sorted(names_of(entry, macros)) if name in named]
        if holders:
            where = f"{holders[0].section} ({document.place(holders[0].index)}) names {holders[0].name}"
            reason = f"its file {stale.path} is gone, but {where}, so it stays; take it out there first"
            refusals.append(Refusal(stale.id, reason))
        elif not feasibility.can_cut(document, entry, going):
            reason = (
                f"its file {stale.path} is gone, but the file repeats what it holds elsewhere, so it stays"
            )
            refusals.append(Refusal(stale.id, reason))
        else:
            allowed.append(stale)
            going.append(entry)
    return allowed[::-1], refusals[::-1]


def _named(due: list[Stale], most: int = 5) -> str:
    names = ", ".join(stale.id for stale in due[:most])
    return names if len(due) <= most else f"{names} and {len(due) - most} more"
