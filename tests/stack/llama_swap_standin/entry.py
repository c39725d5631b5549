"""One mapping under `models:` -> Model, or the reason why llama-swap refuses the file for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import macros

_KINDS = ("text", "audio", "image")
_TYPES: Mapping[str, type] = {
    "cmd": str,
    "cmdStop": str,
    "proxy": str,
    "name": str,
    "description": str,
    "checkEndpoint": str,
    "useModelName": str,
    "aliases": list,
    "env": list,
    "ttl": int,
    "concurrencyLimit": int,
    "unlisted": bool,
    "filters": dict,
    "metadata": dict,
    "macros": dict,
    "capabilities": dict,
}
# Stands for ${PORT} until it is known whether the command uses it: only then a port is allotted.
_PORT = "\0PORT\0"


@dataclass(frozen=True)
class Model:
    """One entry, its macros expanded. `upstream` is the root of its server; `group` "" is the default one."""

    id: str
    command: tuple[str, ...]
    upstream: str
    uses_port: bool
    group: str = ""
    env: tuple[str, ...] = ()
    check: str = "/health"
    name: str = ""
    description: str = ""
    unlisted: bool = False
    use_name: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def check(model_id: str, entry: Any) -> Mapping[str, Any]:
    """`entry` itself when its values are of the right types. Raises ValueError."""
    if entry is None:
        return {}
    if not isinstance(entry, dict):
        raise ValueError(f"yaml: unmarshal errors: models.{model_id} is no mapping")
    for key, type_ in _TYPES.items():
        value = entry.get(key)
        if value is not None and (not isinstance(value, type_) or (type_ is int and isinstance(value, bool))):
            raise ValueError(f"yaml: unmarshal errors: cannot unmarshal {value!r} of models.{model_id}.{key}")
    for direction in ("in", "out"):
        for kind in (entry.get("capabilities") or {}).get(direction) or ():
            if kind not in _KINDS:
                raise ValueError(f"model {model_id}: invalid capabilities.{direction} value {kind}")
    return entry


def model(
    model_id: str,
    entry: Mapping[str, Any],
    global_macros: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    group: str,
    port: int,
) -> Model:
    """The model of a checked entry, which gets `port` if it asks for one. Raises ValueError."""
    known = {**global_macros, **(entry.get("macros") or {}), "MODEL_ID": model_id, "PORT": _PORT}
    where = f"models.{model_id}"
    texts = {key: value for key, value in entry.items() if key not in ("cmdStop", "macros")}
    texts.setdefault("proxy", "http://localhost:${PORT}")
    expanded = macros.expand_all(texts, known, environ, where)
    command = _split(str(expanded.get("cmd") or ""), model_id)
    uses_port = any(_PORT in part for part in command)
    if _PORT in expanded["proxy"] and not uses_port:
        raise ValueError(
            f"model {model_id}: proxy uses ${{PORT}} but cmd does not"
            " - ${PORT} is only available when used in cmd"
        )
    return Model(
        id=model_id,
        command=tuple(part.replace(_PORT, str(port)) for part in command),
        upstream=expanded["proxy"].replace(_PORT, str(port)).rstrip("/"),
        uses_port=uses_port,
        group=group,
        env=tuple(str(line).replace(_PORT, str(port)) for line in expanded.get("env") or ()),
        check=expanded.get("checkEndpoint") or "/health",
        name=expanded.get("name") or "",
        description=expanded.get("description") or "",
        unlisted=bool(expanded.get("unlisted")),
        use_name=expanded.get("useModelName") or "",
        metadata=expanded.get("metadata") or {},
    )


def _split(command: str, model_id: str) -> list[str]:
    lines = [line for line in command.splitlines() if not line.lstrip().startswith("#")]
    parts = shlex.split("\n".join(lines))
    if not parts:
        raise ValueError(f"unable to get sanitized command for model {model_id}: empty command")
    return parts
