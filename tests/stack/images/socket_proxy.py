"""A small socket proxy that takes wollomatic/socket-proxy's flags, where its image can't be pulled.

As its README says: one expression a method, anchored at both ends, on the path alone; who may connect by
name or address; everything else is 403. Not wollomatic's code: what holds here is that the overlay's
expressions let through what the sync needs and nothing beside it.
"""

from __future__ import annotations

import http.client
import re
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

DOCKER = "/var/run/docker.sock"
PORT = 2375
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}


class DockerConnection(http.client.HTTPConnection):
    """HTTP over Docker's socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(DOCKER)


class Proxy(BaseHTTPRequestHandler):
    """One request: passed on when an expression allows it."""

    allowed: dict[str, re.Pattern[str]]
    allowed_from: Sequence[str]

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._may_connect() or not self._may_ask():
            self.send_error(403)
            return
        with closing(DockerConnection("docker")) as docker:
            docker.request(self.command, self.path, body, {"Content-Type": "application/json"})
            answer = docker.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - what http.server calls

    def _may_ask(self) -> bool:
        expression = self.allowed.get(self.command)
        return bool(expression and expression.fullmatch(urlsplit(self.path).path))

    def _may_connect(self) -> bool:
        return any(self.client_address[0] in _addresses(name) for name in self.allowed_from)


def _addresses(name: str) -> list[Any]:
    try:
        return [found[4][0] for found in socket.getaddrinfo(name, None, socket.AF_INET)]
    except socket.gaierror:
        return []


def main(argv: Sequence[str]) -> None:
    """Serves for ever with flags as wollomatic/socket-proxy takes them."""
    flags = dict(flag.lstrip("-").split("=", 1) for flag in argv if "=" in flag)
    Proxy.allowed = {
        name.removeprefix("allow"): re.compile(value)
        for name, value in flags.items()
        if name.startswith("allow") and name.removeprefix("allow").isupper()
    }
    Proxy.allowed_from = flags["allowfrom"].split(",")
    ThreadingHTTPServer((flags["listenip"], PORT), Proxy).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
