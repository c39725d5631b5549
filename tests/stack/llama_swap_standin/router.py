"""Which models run: started on demand, the others of their group unloaded first, all of them on a reload."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .config import Config
from .events import Events
from .log import Log
from .process import NotReadyError, Process


class UnknownModelError(KeyError):
    """No model of this config has that name."""


class Router:
    """The models of one config. A reload makes a new one and stops this."""

    def __init__(self, config: Config, log: Log, events: Events, server: Sequence[str] = ()) -> None:
        self.config = config
        self._events = events
        self._processes = {name: Process(model, log, server) for name, model in config.models.items()}
        self._busy = dict.fromkeys(self._processes, 0)
        self._free = threading.Condition()
        self._stopped = False
        self.active_profile = ""

    def resolve(self, name: str) -> str:
        """The ID that a request for `name` goes to. Raises UnknownModelError."""
        pins = self.config.profiles.get(self.active_profile, {})
        name = pins.get(name, name) or ""
        name = self.config.targets.get(name, name)
        name = self.config.targets.get(name, name)
        if name not in self._processes:
            raise UnknownModelError(name)
        return name

    @contextmanager
    def serving(self, model_id: str) -> Iterator[Process]:
        """The model's server, ready; not swapped out while this lasts. Raises NotReadyError."""
        process = self._processes[model_id]
        with self._free:
            self._busy[model_id] += 1
            try:
                self._make_ready(process)
            except NotReadyError:
                self._leave(model_id)
                raise
        try:
            yield process
        finally:
            with self._free:
                self._leave(model_id)

    def running(self) -> list[Process]:
        return [process for process in self._processes.values() if process.state != "stopped"]

    def unload(self) -> None:
        """Stops every model that runs, whatever it is answering."""
        for process in self.running():
            process.stop()
        self._tell()

    def stop(self) -> None:
        """Stops every model for good."""
        self._stopped = True
        self.unload()

    def _make_ready(self, process: Process) -> None:
        rivals = [other for other in self._processes.values() if self._excludes(process, other)]
        self._free.wait_for(
            lambda: (
                self._stopped or not any(self._busy[rival.model.id] for rival in rivals if rival.is_alive())
            )
        )
        if self._stopped:
            raise NotReadyError("llama-swap is reloading its config")
        if process.state == "ready" and process.is_alive():
            return
        for rival in rivals:
            rival.stop()
        self._tell()
        process.start(self.config.ready_seconds)
        self._tell()

    def _excludes(self, wanted: Process, other: Process) -> bool:
        if other is wanted:
            return False
        same = wanted.model.group == other.model.group
        return not (same and wanted.model.group in self.config.shared)

    def _leave(self, model_id: str) -> None:
        self._busy[model_id] -= 1
        self._free.notify_all()

    def _tell(self) -> None:
        self._events.publish("modelStatus", self.status())

    def status(self) -> list[dict[str, object]]:
        return [
            {
                "id": process.model.id,
                "name": process.model.name,
                "description": process.model.description,
                "state": process.state,
                "unlisted": process.model.unlisted,
            }
            for process in self._processes.values()
        ]
