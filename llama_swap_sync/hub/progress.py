"""How far a long piece of work is: a bar on a terminal, a line every 10 % in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from llama_swap_sync.amounts import of_bytes

_LOG = logging.getLogger(__name__)
_STEP = 10
_REDRAW = 0.1
_WIDTH = 24


class Progress(Protocol):
    """Follows one file: `at(n)` bytes of it are done; `end()` when it is over, well or not."""

    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


Follow = Callable[[str, int, int], Progress]  # what is done with which file, its bytes, bytes done before


class Lines:
    """A log line at every tenth, none twice, none for what was there before."""

    def __init__(
        self, what: str, total: int, before: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._total = total
        self._before = before
        self._clock = clock
        self._since = clock()
        self._tenth = _share(before, total) // _STEP

    def at(self, done: int) -> None:
        tenth = _share(done, self._total) // _STEP
        if tenth > self._tenth:
            self._tenth = tenth
            pace = (done - self._before) / max(self._clock() - self._since, 0.001)
            _LOG.info(
                "%s: %d %% of %s, %s/s", self._what, tenth * _STEP, of_bytes(self._total), of_bytes(pace)
            )

    def end(self) -> None:
        """Nothing is left to be tidied."""


class Bar:
    """One line of a terminal, drawn anew at most ten times a second."""

    def __init__(
        self,
        what: str,
        total: int,
        before: int = 0,
        clock: Callable[[], float] = time.monotonic,
        stream: TextIO | None = None,
    ) -> None:
        self._what = what
        self._total = total
        self._before = before
        self._clock = clock
        self._stream = stream or sys.stderr
        self._since = self._drawn = clock()
        self._draw(before)

    def at(self, done: int) -> None:
        if self._clock() - self._drawn >= _REDRAW or done >= self._total:
            self._draw(done)

    def end(self) -> None:
        self._stream.write("\n")
        self._stream.flush()

    def _draw(self, done: int) -> None:
        self._drawn = self._clock()
        share = _share(done, self._total)
        pace = (done - self._before) / max(self._drawn - self._since, 0.001)
        filled = _WIDTH * share // 100
        bar = "#" * filled + "." * (_WIDTH - filled)
        rest = f"  {_time((self._total - done) / pace)} left" if pace > 0 and done < self._total else ""
        what = self._what if len(self._what) <= 40 else f"…{self._what[-39:]}"
        # \033[K: what the longer line before left behind it goes away.
        self._stream.write(
            f"\r{what} [{bar}] {share:3d} % of {of_bytes(self._total)}, {of_bytes(pace)}/s{rest}\033[K"
        )
        self._stream.flush()


def follower(stream: TextIO | None = None) -> Follow:
    """Bars when `stream` (stderr when None) is a terminal, else lines."""
    return Bar if (stream or sys.stderr).isatty() else Lines


def _share(done: int, total: int) -> int:
    return min(100, 100 * done // total) if total > 0 else 100


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes >= 60 else f"{minutes}m{rest:02d}s"
