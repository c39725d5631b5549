"""One model's server: started by the entry's own command, awaited, stopped with all it started."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from .entry import Model
from .log import Log

_UNLOAD_SECONDS = 10.0
_POLL = 0.05


class NotReadyError(RuntimeError):
    """The server ended, or did not become ready in time; the text is llama-swap's."""


class Process:
    """`state`: stopped, starting, ready or stopping. `server` replaces llama-server in the command."""

    def __init__(self, model: Model, log: Log, server: Sequence[str] = ()) -> None:
        self.model = model
        self.state = "stopped"
        self._log = log
        self._server = server
        self._child: subprocess.Popen[str] | None = None

    def start(self, seconds: float) -> None:
        """Returns when the server is ready. Raises NotReadyError."""
        self.state = "starting"
        self._log.info(f"<{self.model.id}> starting: {' '.join(self._command())}")
        try:
            self._child = self._spawn()
            self._await_ready(self._child, time.monotonic() + seconds)
        except (OSError, NotReadyError) as error:
            self._log.error(f"<{self.model.id}> {error}")
            self.stop()
            raise NotReadyError(f"unable to start process: {error}") from error
        self.state = "ready"

    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """Ends the server at once; answers in flight are cut. Harmless when it is stopped."""
        child, self._child = self._child, None
        if child is None:
            self.state = "stopped"
            return
        self.state = "stopping"
        _signal_group(child, signal.SIGTERM)
        try:
            child.wait(_UNLOAD_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(child, signal.SIGKILL)
            child.wait()
        self.state = "stopped"
        self._log.info(f"<{self.model.id}> stopped")

    def _command(self) -> list[str]:
        program, *arguments = self.model.command
        if self._server and PurePosixPath(program).name == "llama-server":
            return [*self._server, *arguments]
        return [program, *arguments]

    def _spawn(self) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **dict(line.split("=", 1) for line in self.model.env)},
            start_new_session=True,
        )
        threading.Thread(target=self._pass_on, args=(child,), daemon=True).start()
        return child

    def _pass_on(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                self._log.upstream(line.rstrip("\n"))

    def _await_ready(self, child: subprocess.Popen[str], deadline: float) -> None:
        while self.model.check != "none":
            if child.poll() is not None:
                raise NotReadyError(f"upstream command exited prematurely: exit status {child.returncode}")
            if _answers(self.model.upstream, self.model.check):
                return
            if time.monotonic() >= deadline:
                raise NotReadyError("health check timed out")
            time.sleep(_POLL)


def _answers(root: str, path: str) -> bool:
    address = urlsplit(root)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", address.path + path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _signal_group(child: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
