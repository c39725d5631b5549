"""What a new entry says: name, description, command and the rest of the template."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.config import command
from llama_swap_sync.config.scalars import Value
from llama_swap_sync.library.model import Kind

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Model
    from llama_swap_sync.settings import Settings

NAME_LIMIT = 128
DESCRIPTION_LIMIT = 1024
"""Both from llama-swap's schema."""

TEMPLATE_KEYS = (
    "name",
    "description",
    "cmd",
    "aliases",
    "env",
    "ttl",
    "unlisted",
    "filters",
    "metadata",
    "macros",
    "concurrencyLimit",
    "cmdStop",
)

CREATED = (
    "# Made by llama-swap-sync. New models are added under `models:`; everything else is yours to edit,\n"
    "# and nothing that you write here is changed.\n"
    "\n"
    "# Seconds that a model may take to load. llama-swap's default of 120 cuts big models on slow disks.\n"
    "healthCheckTimeout: 600\n"
    "\n"
    "models: {}\n"
)
"""The file that stands where none was."""


def new_entry(model: Model, settings: Settings) -> dict[str, Value]:
    """A new entry's fields in the template's order, `capabilities` behind them."""
    fields: dict[str, Value] = {
        "name": display_name(model),
        "description": _harmless(_description(model), DESCRIPTION_LIMIT),
        "cmd": command.text(model, settings),
        "aliases": [],
        "env": [],
        "ttl": settings.ttl,
        "unlisted": False,
        "filters": {},
        "metadata": {},
        "macros": {},
        "concurrencyLimit": 0,
        "cmdStop": "",
    }
    assert tuple(fields) == TEMPLATE_KEYS
    fields["capabilities"] = capabilities(model, settings)
    return fields


def unchanging_value(key: str, global_ttl: int | None) -> Value:
    """What a template key says when it changes nothing: llama-swap's own default for it.

    `ttl`: -1 means globalTTL. Without a globalTTL 0 means the same, and llama-swaps from before globalTTL
    take it.
    """
    defaults: dict[str, Value] = {
        "name": "",
        "description": "",
        "aliases": [],
        "env": [],
        "ttl": 0 if global_ttl is None else -1,
        "unlisted": False,
        "filters": {},
        "metadata": {},
        "macros": {},
        "concurrencyLimit": 0,
        "cmdStop": "",
    }
    return defaults[key]


def display_name(model: Model) -> str:
    """The author's name for the model, or the file's, with the quantisation, within the schema's limit."""
    stem = PurePosixPath(model.path).stem
    name = _harmless(model.name, NAME_LIMIT) or _harmless(stem, NAME_LIMIT)
    quantisation = model.quantisation
    if quantisation and quantisation.lower() not in name.lower():
        name = f"{name[: NAME_LIMIT - len(quantisation) - 1]} {quantisation}"
    return name


def capabilities(model: Model, settings: Settings) -> dict[str, Value]:
    """What the model takes and gives. `context` is what the command gives it, never more than it was trained
    for.

    llama-swap allows text, image and audio. An embedding or a score is none of them, so only chat models
    have `out`.
    """
    modalities = model.projector.modalities if model.projector is not None else frozenset()
    found: dict[str, Value] = {"in": ["text", *(kind for kind in ("image", "audio") if kind in modalities)]}
    if model.kind is Kind.CHAT:
        found["out"] = ["text"]
    if model.kind is Kind.RERANKER:
        found["reranker"] = True
    if context := command.context_length(model, settings):
        found["context"] = context
    return found


def _description(model: Model) -> str:
    facts = [model.architecture, model.quantisation, of_bytes(model.size)]
    if model.context_length:
        facts.append(f"trained for {model.context_length} tokens")
    return ", ".join(fact for fact in facts if fact)


def _harmless(text: str, limit: int) -> str:
    """The text on one line, within a limit, without `${`: llama-swap refuses a file with an unknown macro."""
    return " ".join(text.replace("${", "$ {").split())[:limit]
