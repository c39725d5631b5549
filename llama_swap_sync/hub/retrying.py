"""Patience with what can pass: pauses that double, and no retry for what can't."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llama_swap_sync.hub.errors import DownloadFailed

_LOG = logging.getLogger(__name__)
LONGEST_PAUSE = 900.0
# An attempt that brought this much was no failure of the line: a 40 GB file may be cut many times on its way.
WORTHWHILE = 1_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """`retries` in a row that bring nothing, with pauses of `delay` seconds that double."""

    retries: int = 5
    delay: float = 10.0

    def pauses(self) -> Iterator[float]:
        """The pause before each retry."""
        for number in range(self.retries):
            yield min(self.delay * 2**number, LONGEST_PAUSE)


def patiently(
    attempt: Callable[[], None], gained: Callable[[], int], patience: Patience, sleep: Callable[[float], None]
) -> None:
    """Runs `attempt` until it returns. Raises its DownloadFailed when trying again is no use (any more).

    `gained()` is the count of bytes that are there; an attempt that added WORTHWHILE starts the count anew.
    The Hub's own wish for a pause (Retry-After) is kept when it is the longer one.
    """
    pauses = patience.pauses()
    before = gained()
    while True:
        try:
            attempt()
            return
        except DownloadFailed as error:
            if not error.passing:
                raise
            if gained() - before >= WORTHWHILE:
                pauses = patience.pauses()
            before = gained()
            pause = next(pauses, None)
            if pause is None:
                raise
            pause = max(pause, error.wait or 0.0)
            _LOG.warning("%s; trying again in %.0f s", error, pause)
        sleep(pause)
