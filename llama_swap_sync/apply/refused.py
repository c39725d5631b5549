"""What llama-swap has refused, remembered until the library, the file or the settings change.

State `refused` = {settings, file, plans: {fingerprint: reason}, broken: {fingerprint: reason}, models: {path:
reason}, stamps: {path: stamp}}. `settings` and `file` are digests; a person's edit of either forgets
everything, a new file at a model's path forgets that model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llama_swap_sync.apply.record import digest
from llama_swap_sync.settings import Settings
from llama_swap_sync.state import State

NAME = "refused"


@dataclass(frozen=True)
class Refused:
    """`plans` maps fingerprints, `models` model paths, each to llama-swap's reason; `stamps` tells a
    model's file.

    `broken` are plans that failed where the file before them failed too: they may be tried once it serves
    again.
    """

    settings: str
    plans: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)

    def with_plan(self, fingerprint: str, reason: str) -> Refused:
        """Also this plan is not to be tried again."""
        return replace(self, plans={**self.plans, fingerprint: reason})

    def with_broken(self, fingerprint: str, reason: str) -> Refused:
        """Also this plan is not to be tried again before llama-swap serves the file as it is."""
        return replace(self, broken={**self.broken, fingerprint: reason})

    def with_model(self, path: str, reason: str, models_dir: Path) -> Refused:
        """Also this model gets no entry for now."""
        return replace(
            self,
            models={**self.models, path: reason},
            stamps={**self.stamps, path: _stamp(models_dir / path)},
        )


def load(state: State, settings: Settings, data: bytes) -> Refused:
    """What still holds, with `data` in the config file."""
    fresh = Refused(_settings_digest(settings))
    value = state.read(NAME) or {}
    if value.get("settings") != fresh.settings or value.get("file") != digest(data):
        return fresh
    stamps, models = _texts(value, "stamps"), _texts(value, "models")
    same = {path for path in models if stamps.get(path) == _stamp(settings.models_dir / path)}
    return Refused(
        fresh.settings,
        _texts(value, "plans"),
        _texts(value, "broken"),
        {path: models[path] for path in same},
        {path: stamps[path] for path in same},
    )


def save(state: State, refused: Refused, data: bytes) -> None:
    """Keeps `refused` as long as the config file holds `data`."""
    if not (refused.plans or refused.broken or refused.models):
        state.forget(NAME)
        return
    state.write(
        NAME,
        {
            "settings": refused.settings,
            "file": digest(data),
            "plans": dict(refused.plans),
            "broken": dict(refused.broken),
            "models": dict(refused.models),
            "stamps": dict(refused.stamps),
        },
    )


def _texts(value: Mapping[str, object], key: str) -> dict[str, str]:
    found = value.get(key)
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _settings_digest(settings: Settings) -> str:
    # Secrets show as *** in it: a new token changes no entry.
    return hashlib.sha256(repr(settings).encode()).hexdigest()
