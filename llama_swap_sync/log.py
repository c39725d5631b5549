"""Log lines: sentences for the person who runs the box, as text or as one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO


class _Text(logging.Formatter):
    """`2026-11-24 04:00:00 warning: sentence`, in the zone of TZ; the level is named from warning upwards."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return f"{when} {level}{_one_line(record.getMessage())}"


class _Json(logging.Formatter):
    """`{"time": "2026-11-24T04:00:00+0100", "level": "info", "room": "apply", "message": "…"}`."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))
        room = record.name.split(".")[1] if "." in record.name else record.name
        fact = {"time": when, "level": record.levelname.lower(), "room": room, "message": record.getMessage()}
        return json.dumps(fact, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def set_up(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send this package's log lines of `level` and above to `stream` (stderr when None)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logger = logging.getLogger("llama_swap_sync")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
