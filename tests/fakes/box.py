"""A machine with one container in which a llama-swap runs, as far as anybody outside can tell the difference.

It reads the real config file on disk, when it is started, gets SIGHUP, or watches; it refuses what
`refuses` refuses, and then behaves as the real one was seen to: at a start it ends and its restart policy
tries again, at a reload it keeps what it has. Time passes only by `FakeClock.wait`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import yaml

from llama_swap_sync.apply.container import ContainerState

NAME = "llama-swap"
WATCH_SECONDS = 2.0
RELOAD_SECONDS = 0.02  # measured on v250
_EPOCH = 1_700_000_000.0


class FakeClock:
    """Stands still until somebody waits; `passing` is told of every step."""

    def __init__(self) -> None:
        self.time = 0.0
        self.passing: list[Callable[[float], None]] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return _EPOCH + self.time

    def wait(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.time = min(end, self.time + 0.25)
            for tick in self.passing:
                tick(self.time)


@lru_cache(maxsize=256)
def ids_of(data: bytes) -> frozenset[str]:
    """The IDs that a llama-swap lists for this config."""
    document = yaml.safe_load(data) or {}
    return frozenset(map(str, document.get("models") or {}))


def accepts_all(_: bytes) -> str | None:
    return None


@dataclass
class Box:
    """`restarts_asked` and `reloads` count what was done to it; `streams` is how many answers it is
    generating."""

    config: Path
    clock: FakeClock
    refuses: Callable[[bytes], str | None] = accepts_all
    flags: tuple[str, ...] = ()
    status: str = "running"
    generation: str = "operations"  # of /api/events: operations, total, none, silent
    http_fails: str = ""  # a sentence: nobody gets an answer
    streams: int = 0
    profile: str = ""
    drops_reloads: int = 0
    policy_restarts: int = 0
    restarts_asked: int = 0
    reloads: int = 0
    cut: int = 0
    loaded: bytes | None = None
    started_at: str = ""
    log: list[tuple[float, str]] = field(default_factory=list)
    _seen: bytes | None = None
    _looked: float = 0.0
    _starts: int = 0

    def __post_init__(self) -> None:
        self.clock.passing.append(self._tick)
        if self.status == "running":
            self.start()

    # --- what the engine sees and does
    # ---------------------------------------------------------------------------

    def inspect(self) -> ContainerState:
        return ContainerState(
            NAME,
            self.status,
            self.started_at,
            restarts=self.policy_restarts,
            exit_code=1 if self.status in ("exited", "restarting") else 0,
            command=("/app/llama-swap", "-config", "/config/config.yaml", *self.flags),
        )

    def restart(self) -> None:
        self.restarts_asked += 1
        self.policy_restarts = 0
        self._cut()
        self.start()

    def start(self) -> None:
        # One that starts within the clock's step after another is a start of its own all the same.
        self._starts += 1
        when = datetime.fromtimestamp(self.clock.now(), UTC)
        self.started_at = f"{when:%Y-%m-%dT%H:%M:%S.%f}{self._starts % 1000:03}Z"
        self.profile = ""
        self._seen = self._read()
        reason = "open config.yaml: no such file" if self._seen is None else self.refuses(self._seen)
        if reason is None:
            self.status, self.loaded = "running", self._seen
        else:
            self.status, self.loaded = "restarting", None
            self._say(f'ERROR failed to load config config=/config/config.yaml error="{reason}"')

    def hang_up(self) -> None:
        self.clock.wait(RELOAD_SECONDS)
        self._say("[INFO] received SIGHUP, reloading config")
        self.reload()

    def reload(self) -> None:
        self.reloads += 1
        if self.drops_reloads:
            self.drops_reloads -= 1
            return
        data = self._read() or b""
        reason = self.refuses(data)
        if reason is not None:
            self._say(f"[WARN] failed to reload config: {reason}")
            return
        self._cut()
        self.loaded, self.profile = data, ""
        self._say("[INFO] configuration reloaded")

    # --- what llama-swap answers
    # ---------------------------------------------------------------------------------

    @property
    def serves(self) -> bool:
        return self.status == "running" and self.loaded is not None and not self.http_fails

    @property
    def models(self) -> frozenset[str]:
        return ids_of(self.loaded or b"")

    def _tick(self, now: float) -> None:
        if self.status == "restarting":
            self.policy_restarts += 1
            self.start()
        elif (
            self.status == "running" and "-watch-config" in self.flags and now - self._looked >= WATCH_SECONDS
        ):
            self._looked, before, self._seen = now, self._seen, self._read()
            if self._seen is not None and self._seen != before:
                self.reload()

    def _cut(self) -> None:
        self.cut += self.streams
        self.streams = 0

    def _read(self) -> bytes | None:
        return self.config.read_bytes() if self.config.exists() else None

    def _say(self, line: str) -> None:
        self.log.append((self.clock.now(), line))
