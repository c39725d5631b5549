"""What the loop reads of the world and does to it, passed in so that a test can be the world."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llama_swap_sync.service import children
from llama_swap_sync.service.heartbeat import Heartbeat, Pulse
from llama_swap_sync.service.last_pass import ConfigStamp, LastPass, LastPasses, config_stamp
from llama_swap_sync.service.schedule import zone_of
from llama_swap_sync.state import State

if TYPE_CHECKING:
    from llama_swap_sync.settings import Settings


@dataclass(frozen=True, slots=True)
class Sight:
    """One look: every model file with its stamp, or why the models directory can't be looked at.

    `root` is the directory's own (device, inode): it differs when a share was unmounted from above it.
    """

    files: Mapping[str, Hashable]
    problem: str | None
    root: tuple[int, int] | None
    config: ConfigStamp | None


class World(Protocol):
    """The edge of the loop."""

    state: State

    def monotonic(self) -> float: ...
    def now(self) -> datetime: ...
    def look(self) -> Sight: ...
    def last_pass(self) -> LastPass | None: ...
    def start(self, arguments: Sequence[str]) -> children.Child: ...
    def beat(self, heartbeat: Heartbeat) -> None: ...


class Machine:
    """`World` as it is."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        self.state = State.beside(settings.config)
        self._last_passes = LastPasses(settings.config, pulse.folder)
        self._settings = settings
        self._pulse = pulse
        self._zone = zone_of(settings.tz)

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(self._zone).astimezone(self._zone)

    def look(self) -> Sight:
        from llama_swap_sync.library.scan import look

        seen = look(self._settings.models_dir, self._settings.exclude)
        return Sight(
            seen.files,
            seen.problem,
            _identity(self._settings.models_dir),
            config_stamp(self._settings.config),
        )

    def last_pass(self) -> LastPass | None:
        return self._last_passes.read()

    def start(self, arguments: Sequence[str]) -> children.Child:
        return children.start(arguments)

    def beat(self, heartbeat: Heartbeat) -> None:
        self._pulse.beat(heartbeat)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)  # noqa: PTH116 - at each look: a Path would be built for nothing
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
