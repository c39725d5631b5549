"""The models of SYNC_MODELS: what is known of each, which is due now, and in which order. Pure.

Kept between runs, under the state name `declared`:
{"models": {REFERENCE: {"files": [OWNER/REPO/PATH, …], "failures": 2, "not_before": 1764000000.0}}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

STATE = "declared"
# Just below the pauses after which the service starts `fetch` again (60 s doubling to 6 h): a model must be
# due by then.
_FIRST_PAUSE = 50.0
_LONGEST_PAUSE = 5 * 3600.0


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one reference: the files it stood for, and how often in a row it failed."""

    files: tuple[str, ...] = ()
    failures: int = 0
    not_before: float = 0.0

    def failed(self, now: float) -> Record:
        """After one more failure: the next try is later than the one before (epoch seconds)."""
        pause = min(_FIRST_PAUSE * 2.0**self.failures, _LONGEST_PAUSE)
        return replace(self, failures=self.failures + 1, not_before=now + pause)

    def is_due(self, now: float) -> bool:
        """Whether it may be tried. A clock that was set back does not postpone it for longer than a pause."""
        return not now < self.not_before <= now + _LONGEST_PAUSE

    def is_there(self, exists: Callable[[str], bool]) -> bool:
        """Whether all its files are in place, so that nobody needs to be asked."""
        return bool(self.files) and all(map(exists, self.files))


Records = Mapping[str, Record]


def read(value: Mapping[str, Any] | None) -> dict[str, Record]:
    """Records out of the state; what can't be read counts as never written."""
    models = (value or {}).get("models")
    if not isinstance(models, dict):
        return {}
    return {str(text): record for text, raw in models.items() if (record := _record(raw))}


def as_dict(records: Records) -> dict[str, Any]:
    """What the state keeps."""
    return {"models": {text: asdict(record) for text, record in records.items()}}


def taken_out(records: Records, references: Iterable[str]) -> list[str]:
    """References that were declared once and are no more."""
    return sorted(set(records) - set(references))


def largest_last(sizes: Mapping[str, int], references: Sequence[str]) -> list[str]:
    """The references that have a size, the smallest first: something answers soon, and nothing starves."""
    return sorted((text for text in references if text in sizes), key=lambda text: sizes[text])


def _record(raw: Any) -> Record | None:
    try:
        return Record(tuple(map(str, raw["files"])), int(raw["failures"]), float(raw["not_before"]))
    except (KeyError, TypeError, ValueError):
        return None
