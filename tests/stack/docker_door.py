"""A socket of our own in front of Docker's: it can be shut and opened again, and deny what a proxy denies.

Docker's own socket stays as it is: others use it too.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

from tests.stack.images.socket_proxy import Proxy


class DockerDoor:
    """Open from the start. `denied` fullmatches `METHOD /path` of what is answered 403; None: nothing."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self.denied: str | None = None
        self.asked: list[str] = []
        self._path = path
        self._server: _Server | None = None
        self.open()

    def open(self) -> None:
        """As an engine that starts: its socket is there and somebody answers."""
        self._server = _Server(str(self._path), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def shut(self) -> None:
        """As an engine that has ended: the socket is there, and nobody answers."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[Proxy]:
        door = self

        class Guarded(Proxy):
            def _may_connect(self) -> bool:
                return True

            def _may_ask(self) -> bool:
                request = f"{self.command} {self.path.partition('?')[0]}"
                door.asked.append(request)
                return not (door.denied and re.fullmatch(door.denied, request))

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        return Guarded


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Over the file that an earlier one has left."""
        Path(str(self.server_address)).unlink(missing_ok=True)
        super().server_bind()
