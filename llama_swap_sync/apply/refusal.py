"""llama-swap's own words on why it refuses a config, found in its log lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Read from llama-swap.go: what it logs before it exits with 1 at the start, or keeps the old config at a
# reload.
_REFUSALS = (
    "failed to load config",
    "failed to reload config",
    "failed to create server",
    "failed to build new server during reload",
    "failed to create store",
    "failed to create new store during reload",
    "error loading config",
)
_TAKEN = "configuration reloaded"
_SLOG_ERROR = re.compile(r"""\berror=(?:"((?:[^"\\]|\\.)*)"|(.+))\s*$""")
_LONGEST = 300


def refusal(lines: Iterable[str]) -> str | None:
    """The reason in the last line that refuses a config; None when no line does, or a later one took another.

    Both spellings are understood: `ERROR failed to load config config=… error="yaml: line 3: …"` at the
    start, and `[WARN] failed to reload config: yaml: line 3: …` at a reload.
    """
    found = None
    for line in lines:
        if _TAKEN in line:
            found = None
        for phrase in _REFUSALS:
            start = line.lower().find(phrase)
            if start >= 0:
                found = _reason(line[start:], phrase)
    return found


def last_words(lines: Iterable[str]) -> str:
    """llama-swap's refusal, else its last line that says anything; "" when it said nothing."""
    kept = [line.strip() for line in lines if line.strip()]
    return refusal(kept) or (kept[-1][:_LONGEST] if kept else "")


def _reason(line: str, phrase: str) -> str:
    rest = line[len(phrase) :].strip()
    slog = _SLOG_ERROR.search(rest)
    if slog:
        quoted, plain = slog.groups()
        rest = _unescape(quoted) if quoted is not None else plain
    return " ".join(rest.lstrip(":").split())[:_LONGEST] or phrase


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": " ", "t": " "}.get(match[1], match[1]), text)
