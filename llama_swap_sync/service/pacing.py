"""How often to try again, and how often to say so."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Pauses:
    """Pauses between tries that fail: `first` seconds, doubled each time, never more than `longest`."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """The pause after that many failures in a row (1 or more)."""
        # A box may fail for years: 2.0 ** 1024 is an OverflowError.
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 32))


@dataclass(frozen=True, slots=True)
class Notice:
    """One subject's trouble as it was last said, so that a problem is named once and then once a day."""

    problem: str | None = None
    said_at: float = 0.0

    def is_due(self, problem: str | None, now: float) -> bool:
        """Whether `problem` (None: all is well) has to be said at `now`, in monotonic seconds."""
        if problem != self.problem:
            return True
        return problem is not None and now - self.said_at >= DAY
