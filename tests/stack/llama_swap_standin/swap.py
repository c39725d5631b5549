"""The life of one llama-swap: start, reloads by signal or by watching the file, end."""

from __future__ import annotations

import threading
from pathlib import Path

from . import config
from .events import Events
from .log import Log
from .options import Options
from .router import Router

_WATCH_SECONDS = 2.0
_DRAIN_SECONDS = 30.0

Stamp = tuple[int, int, int] | None


class Swap:
    """Raises `config.RefusedError` when the file is none that llama-swap starts with."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.log = Log()
        self.events = Events(options.generation)
        self.log.told = lambda source, line: self.events.publish("logData", {"source": source, "data": line})
        # Before the file is read: what is written from here on is a change.
        self._seen = _stamp(options.config)
        self.router = self._build()
        self.is_ending = False
        self.is_ended = False
        self._reloading = threading.Lock()

    def reload(self) -> None:
        """The file anew, and every model stopped; a bad file changes nothing. Dropped while another runs."""
        if not self._reloading.acquire(blocking=False):
            self.log.warn("reload already in progress, skipping")
            return
        try:
            self._replace()
        finally:
            self._reloading.release()

    def watch(self) -> None:
        """Reloads whenever the file has changed since it was looked at 2 s ago. Never returns."""
        pause = threading.Event()
        while not pause.wait(_WATCH_SECONDS):
            now = _stamp(self._options.config)
            if now != self._seen and now is not None:
                self.log.info("config file changed, reloading")
                self.reload()
            self._seen = now

    def end(self) -> None:
        """Lets requests end for up to 30 s, takes no new ones, stops every model."""
        self.is_ending = True
        self.events.wait_for_none(_DRAIN_SECONDS)
        self.router.stop()
        self.is_ended = True

    def _build(self) -> Router:
        return Router(config.read(self._options.config), self.log, self.events, self._options.server)

    def _replace(self) -> None:
        try:
            fresh = self._build()
        except config.RefusedError as error:
            self.log.warn(f"failed to reload config: {error}")
            return
        old, self.router = self.router, fresh
        self.log.info("configuration reloaded")
        old.stop()


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
