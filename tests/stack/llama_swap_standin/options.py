"""llama-swap's flags as Go's `flag` reads them, and the stand-in's own environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class UsageError(ValueError):
    """A flag that llama-swap does not know, or one without its value."""


@dataclass(frozen=True)
class Options:
    """`answers` and `generation` are STANDIN_ANSWERS and STANDIN_EVENTS; `server` replaces llama-server."""

    config: Path
    host: str
    port: int
    watch: bool
    generation: str
    answers: str
    server: tuple[str, ...]


def read(argv: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The last of a repeated flag counts, `-flag value` is `--flag=value`. Raises UsageError."""
    flags = {"config": "config.yaml", "listen": ":8080", "watch-config": "false"}
    rest = list(argv)
    while rest:
        name, has_value, value = rest.pop(0).lstrip("-").partition("=")
        if name not in flags:
            raise UsageError(f"flag provided but not defined: -{name}")
        if not has_value and name != "watch-config":
            if not rest:
                raise UsageError(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        flags[name] = value if value else "true"
    host, _, port = flags["listen"].rpartition(":")
    return Options(
        config=Path(flags["config"]),
        host=host,
        port=int(port),
        watch=flags["watch-config"] == "true",
        generation=environ.get("STANDIN_EVENTS", "2026-07"),
        answers=environ.get("STANDIN_ANSWERS", ""),
        server=tuple(shlex.split(environ.get("STANDIN_SERVER", ""))),
    )
