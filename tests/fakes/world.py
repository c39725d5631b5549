"""The loop's world with a clock that stands still until a test moves it."""

from __future__ import annotations

import subprocess
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llama_swap_sync.service.heartbeat import Heartbeat
from llama_swap_sync.service.last_pass import NAME, ConfigStamp, LastPass
from llama_swap_sync.service.world import Sight
from llama_swap_sync.state import State


class FakeChild:
    """A process that runs until the test says with which code it ends."""

    def __init__(self, arguments: Sequence[str], ends_on_sigterm: bool = True) -> None:
        self.arguments = tuple(arguments)
        self.code: int | None = None
        self.signals: list[str] = []
        self._ends_on_sigterm = ends_on_sigterm

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.signals.append("TERM")
        if self._ends_on_sigterm:
            self.code = -15

    def kill(self) -> None:
        self.signals.append("KILL")
        self.code = -9

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            raise subprocess.TimeoutExpired(list(self.arguments), timeout or 0.0)
        return self.code


class FakeWorld:
    """`World` as a test wants it; `advance` moves both clocks, `jump` the wall clock alone."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder / ".llama-swap-sync")
        self.time = 1000.0
        self.wall = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.files: dict[str, Hashable] = {}
        self.problem: str | None = None
        self.root: tuple[int, int] | None = (1, 2)
        self.config: ConfigStamp | None = (10, 0, 7)
        self.children: list[FakeChild] = []
        self.beats: list[Heartbeat] = []
        self.no_process = False

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return self.wall

    def look(self) -> Sight:
        return Sight(dict(self.files), self.problem, self.root, self.config)

    def last_pass(self) -> LastPass | None:
        return LastPass.of(self.state.read(NAME))

    def start(self, arguments: Sequence[str]) -> FakeChild:
        if self.no_process:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.children.append(FakeChild(arguments))
        return self.children[-1]

    def beat(self, heartbeat: Heartbeat) -> None:
        self.beats.append(heartbeat)

    def advance(self, seconds: float) -> None:
        self.time += seconds
        self.wall += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
