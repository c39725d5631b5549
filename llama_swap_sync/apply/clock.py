"""Time, passed in: a rollout waits for minutes, its tests must not."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`monotonic` and `wait` measure and pass time; `now` is Unix time, for what another process compares
    later."""

    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...
    def now(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def now(self) -> float:
        return time.time()
