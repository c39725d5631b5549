"""How an answer is written: JSON, text, or chunk by chunk."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with connections kept open, and no line of its own a request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """llama-swap logs requests at debug level only."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def json(self, data: Any, status: int = 200) -> None:
        self.whole(json.dumps(data).encode(), status, "application/json")

    def text(self, text: str, status: int = 200) -> None:
        self.whole(text.encode(), status, "text/plain")

    def problem(self, status: int, text: str) -> None:
        self.json({"error": text}, status)

    def whole(self, body: bytes, status: int, type_: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def begin(self, status: int, type_: str, *, chunked: bool) -> None:
        """The head of an answer that comes in pieces."""
        self.send_response(status)
        self.send_header("Content-Type", type_)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, piece: bytes) -> None:
        """One piece; an empty one ends the answer."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()
