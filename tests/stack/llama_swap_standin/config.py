"""config.yaml -> Config, or the refusal that llama-swap logs before it exits with 1."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import names
from .entry import Model, check, model
from .yaml_loading import load

_START_PORT = 5800


class RefusedError(ValueError):
    """llama-swap does not take this file; the text is its reason."""


@dataclass(frozen=True)
class Config:
    """What is served. `targets`: alias or selector -> ID; `shared`: the groups whose members run together."""

    models: Mapping[str, Model] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    api_keys: frozenset[str] = frozenset()
    profiles: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    ready_seconds: float = 120


def read(path: Path) -> Config:
    """The config of that file. Raises RefusedError."""
    try:
        return parse(path.read_bytes(), os.environ)
    except OSError as error:
        raise RefusedError(f"open {path}: {(error.strerror or str(error)).lower()}") from error


def parse(data: bytes, environ: Mapping[str, str]) -> Config:
    """The config of those bytes; an empty file is one without models. Raises RefusedError."""
    try:
        plain = load(data)
        return _config({} if plain is None else plain, environ)
    except (TypeError, AttributeError) as error:
        raise RefusedError(f"yaml: unmarshal errors: {error}") from error
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _config(data: Any, environ: Mapping[str, str]) -> Config:
    if not isinstance(data, dict) or not isinstance(data.get("models") or {}, dict):
        raise ValueError("yaml: unmarshal errors: cannot unmarshal into the config")
    entries = data.get("models") or {}
    # *Measured* on v250: one ID that is no string, and llama-swap starts well and serves no model at all.
    if not all(isinstance(model_id, str) for model_id in entries):
        entries = {}
    entries = {model_id: check(model_id, entry) for model_id, entry in entries.items()}
    aliased = names.aliases(entries)
    names.check_references(data, entries, aliased)
    groups = names.groups(data)
    return Config(
        models=_models(entries, data, environ, names.homes(groups, aliased)),
        targets={**aliased, **names.selected(data)},
        shared=frozenset(name for name, group in groups.items() if group.get("swap") is False),
        api_keys=frozenset(map(str, data.get("apiKeys") or ())),
        profiles={
            name: (each or {}).get("pins") or {} for name, each in (data.get("profiles") or {}).items()
        },
        ready_seconds=max(15, data.get("healthCheckTimeout") or 120),
    )


def _models(
    entries: Mapping[str, Mapping[str, Any]],
    data: Mapping[str, Any],
    environ: Mapping[str, str],
    homes: Mapping[str, str],
) -> dict[str, Model]:
    port = data.get("startPort") or _START_PORT
    models = {}
    # llama-swap allots ports in the order of the IDs: a Go map has none of its own.
    for model_id in sorted(entries):
        group = homes.get(model_id, "")
        made = model(model_id, entries[model_id], data.get("macros") or {}, environ, group=group, port=port)
        port += made.uses_port
        models[model_id] = made
    return models
