"""`${…}` in an entry: the environment's first, then the file's macros, which may hold earlier ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MACRO = re.compile(r"\$\{([^${}]+)\}")
_DEEPEST = 20


def expand_all(value: Any, known: Mapping[str, Any], environ: Mapping[str, str], where: str) -> Any:
    """`value`, at any depth, with every macro put in. Raises ValueError for an unknown or unset one."""
    if isinstance(value, str):
        return _expand(value, known, environ, where)
    if isinstance(value, list):
        return [expand_all(item, known, environ, where) for item in value]
    if isinstance(value, dict):
        return {
            _expand(str(key), known, environ, where): expand_all(item, known, environ, f"{where}.{key}")
            for key, item in value.items()
        }
    return value


def _expand(text: str, known: Mapping[str, Any], environ: Mapping[str, str], where: str) -> str:
    # llama-swap strips the comment lines of a command before it looks at macros.
    text = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    for _ in range(_DEEPEST):
        if not _MACRO.search(text):
            return text
        text = _MACRO.sub(lambda found: _value(found[1], known, environ, where), text)
    raise ValueError(f"macros found in {where} refer to each other")


def _value(name: str, known: Mapping[str, Any], environ: Mapping[str, str], where: str) -> str:
    if name.startswith("env."):
        variable = name.removeprefix("env.")
        if variable not in environ:
            raise ValueError(f"environment variable '{variable}' is not set")
        return environ[variable]
    if name not in known:
        raise ValueError(f"unknown macro '${{{name}}}' found in {where}")
    value = known[name]
    return str(value).lower() if isinstance(value, bool) else str(value)
