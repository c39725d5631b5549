"""What Docker's inspect tells of llama-swap's container: its state, and what its own command asks for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Go's flag package: one or two dashes, and strconv.ParseBool's words behind the equals sign.
_WATCH_FLAG = re.compile(r"--?watch-config(?:=(.*))?")
_GO_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One look at one container.

    `status` is Docker's word (created, running, paused, restarting, removing, exited, dead). `restarts`
    counts only those that the restart policy made; *measured* on Docker 20.10: a restart that somebody
    asked for sets it to 0. `command` is the entry point and its arguments as they run.
    """

    name: str
    status: str
    started_at: str
    restarts: int = 0
    exit_code: int = 0
    command: tuple[str, ...] = ()
    inspected: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, inspected: Mapping[str, Any]) -> ContainerState:
        """From the answer to `GET /containers/{name}/json`."""
        state = inspected.get("State") or {}
        return cls(
            name=str(inspected.get("Name") or "").removeprefix("/"),
            status="restarting" if state.get("Restarting") else str(state.get("Status") or ""),
            started_at=str(state.get("StartedAt") or ""),
            restarts=int(inspected.get("RestartCount") or 0),
            exit_code=int(state.get("ExitCode") or 0),
            command=(str(inspected.get("Path") or ""), *map(str, inspected.get("Args") or ())),
            inspected=inspected,
        )

    @property
    def running(self) -> bool:
        """It runs right now: not paused, not between two tries of its restart policy."""
        return self.status == "running"

    def has_read_since(self, started_at: str | None, moment: float) -> bool:
        """Whether it runs, and was started after a file was written.

        `started_at` is its start as seen when the file was written, `moment` the Unix time of that: the clock
        decides only where the start was not known (None), since Docker's may be another machine's.
        """
        if not self.running:
            return False
        if started_at is not None:
            return self.started_at != started_at
        return self.started > moment

    @property
    def started(self) -> float:
        """The Unix time of its start by the engine's clock; 0.0 when it never was."""
        try:
            return datetime.fromisoformat(self.started_at).timestamp()
        except ValueError:
            return 0.0

    @property
    def watches_config(self) -> bool:
        """Its command has `-watch-config`: llama-swap loads the file again by itself within about two
        seconds."""
        return watches_config(self.command)


def watches_config(command: Sequence[str]) -> bool:
    """Whether llama-swap, started by `command`, reads its config again when the file changes.

    The last of several flags counts, as in Go; a command inside `sh -c "…"` is looked into.
    """
    said = [match[1] for word in _words(command) if (match := _WATCH_FLAG.fullmatch(word))]
    return bool(said) and (said[-1] is None or said[-1] in _GO_TRUE)


def _words(command: Sequence[str]) -> list[str]:
    words: list[str] = []
    for argument in command:
        if re.search(r"\s", argument):
            words.extend(_split(argument))
        else:
            words.append(argument)
    return words


def _split(script: str) -> list[str]:
    try:
        return shlex.split(script)
    except ValueError:
        return script.split()
