"""The kinds of value a setting can have: text -> typed value, or a ValueError in the user's words.

A parser's error completes the sentence "NAME=text ...", so that each wrong variable is one line that says
what was written, what is expected, and an example.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WORDS_FOR = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


class Secret:
    """A text that no log line, error or listing shows: `str` and `repr` give `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one request that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def text(value: str) -> str:
    """Any text, blanks around it dropped."""
    return value.strip()


def name(value: str) -> str:
    """A text that can't be empty."""
    if not value.strip():
        raise ValueError("is empty; give it a value or remove the line")
    return value.strip()


def path(value: str) -> Path:
    """A path of this file system; `~` is the home folder."""
    return Path(name(value)).expanduser()


def absolute_folder(value: str) -> str:
    """A POSIX path inside llama-swap's container, without a slash at its end."""
    if not value.strip().startswith("/"):
        raise ValueError("must be an absolute path as llama-swap sees it, such as /models")
    return value.strip().rstrip("/") or "/"


def secret(value: str) -> Secret | None:
    """A secret; empty means none. It goes into an HTTP header, where other characters break the request."""
    stripped = value.strip()
    if not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("holds a line break or a character outside ASCII; copy it again, on one line")
    return Secret(stripped) if stripped else None


def url(value: str) -> str:
    """An http or https address without a slash at its end; empty means none."""
    if value.strip() and not re.fullmatch(r"https?://[^\s/]+\S*", value.strip()):
        raise ValueError("must be an address such as http://llama-swap:8080, or empty for none")
    return value.strip().rstrip("/")


def boolean(value: str) -> bool:
    """true, yes, on, 1 or their opposites, in any case."""
    try:
        return _WORDS_FOR[value.strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def count(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", value.strip()) or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def duration(least: float, most: float) -> Callable[[str], float]:
    """Seconds from `15s`, `5m`, `1h30m`, `250ms`, `2d`; a bare number counts seconds."""

    def parse(value: str) -> float:
        compact = value.replace(" ", "").lower()
        if re.fullmatch(r"\d+(\.\d+)?", compact):
            compact += "s"
        if not _DURATION.fullmatch(compact):
            raise ValueError("must be a duration such as 15s, 5m or 1h30m")
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(compact))
        if not least <= seconds <= most:
            raise ValueError(f"must lie between {readable(least)} and {readable(most)}")
        return seconds

    return parse


def readable(seconds: float) -> str:
    """A duration as a person writes it: `90.0` -> `1m30s`."""
    if seconds and seconds < 1:
        return f"{seconds * 1000:g}ms"
    parts, rest = [], seconds
    for unit in ("d", "h", "m"):
        whole, rest = divmod(rest, _UNITS[unit])
        parts.append(f"{whole:g}{unit}" if whole else "")
    return "".join(parts) + (f"{rest:g}s" if rest or not any(parts) else "")


def share(value: str) -> float:
    """A part of a whole, 0 to 1, from `50%` or `50`."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%?", value.strip())
    if not match or float(match[1]) > 100:
        raise ValueError("must be a percentage from 0% to 100%, such as 50%")
    return float(match[1]) / 100


def choice(*allowed: str) -> Callable[[str], str]:
    """One of a few words, in any case."""

    def parse(value: str) -> str:
        if value.strip().lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value.strip().lower()

    return parse


def arguments(value: str) -> tuple[str, ...] | None:
    """Arguments of a command, quoted as a shell would; `auto` is None."""
    if value.strip().lower() == "auto":
        return None
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(
            f"can't be split into arguments ({error}); close every quote as a shell would"
        ) from None


def listed(value: str) -> tuple[str, ...]:
    """Items separated by spaces, commas or lines; quotes keep a space or a comma inside an item."""
    lexer = shlex.shlex(value, posix=True)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " ,\t\r\n", True, ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise ValueError(f"can't be split into items ({error}); close every quote") from None


def references(value: str) -> tuple[str, ...]:
    """Models of the Hub, each in a form that `hub.references` understands."""
    items = listed(value)
    if items:
        from llama_swap_sync.hub.references import BadReference, parse

        try:
            for item in items:
                parse(item)
        except BadReference as error:
            raise ValueError(f"can't be used: {error}") from None
    return items


def cron_line(value: str) -> str:
    """Five fields of cron: minute, hour, day of month, month, day of week."""
    import datetime

    from cronsim import CronSim, CronSimError

    try:
        CronSim(value.strip(), datetime.datetime(2026, 1, 1))
    except CronSimError as error:
        raise ValueError(
            f"is no cron line ({error}); write five fields such as 0 4 * * * for four in the morning"
        ) from None
    return value.strip()


def time_zone(value: str) -> str:
    """A name of the time zone database; empty means the system's own."""
    if value.strip():
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(value.strip().removeprefix(":"))
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise ValueError("is no time zone known here; write one such as Europe/Berlin or UTC") from None
    return value.strip()


def octal(value: str) -> int:
    """File mode bits as umask takes them."""
    if not re.fullmatch(r"0?[0-7]{1,3}", value.strip()):
        raise ValueError("must be three octal digits such as 022")
    return int(value, 8)
