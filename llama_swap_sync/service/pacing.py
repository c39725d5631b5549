"""How often to try again, and how often to say so."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0

# A search for one refused entry among 10,000 new ones takes 16 rollouts, what a kill left behind one more.
_ROLLOUTS = 17
# Each way, to the new config and back: Docker's stop and start of llama-swap, beside the verification.
_RESTART = 60.0
# Ten thousand headers on a NAS whose disks sleep.
_READING = 3600.0


def longest_pass(drain_timeout: float, verify_timeout: float) -> float:
    """Seconds that no pass needs, be its settings and llama-swap as slow as they may: one that takes longer
    hangs.
    """
    return _READING + _ROLLOUTS * (drain_timeout + 2 * (verify_timeout + _RESTART))


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
