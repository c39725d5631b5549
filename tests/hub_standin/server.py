"""The two servers of the stand-in: the Hub itself, and the storage host that its files are redirected to."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub_standin.faults import Desk, Fault, Request
from tests.hub_standin.repositories import Content, Repositories

_INFO = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_CHUNK = 256 * 1024


class Server(ThreadingHTTPServer):
    """One of the two; `storage` is where the Hub redirects to, None for the storage host itself."""

    daemon_threads = True

    def __init__(
        self, port: int, repositories: Repositories, desk: Desk, host: str, storage: str | None
    ) -> None:
        super().__init__(("", port), Handler)
        self.repositories = repositories
        self.desk = desk
        self.host = host
        self.storage = storage

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        """`/_control/faults` takes a list of faults, `/_control/forget` drops the requests seen so far."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/_control/faults":
            self.server.desk.put(json.loads(body))
        else:
            self.server.desk.forget()
        self._json({})

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept on the desk."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/_control/requests":
            self._json(self.server.desk.seen())
            return
        self._request = Request(
            self.server.host,
            self.command,
            parts.path,
            self.headers.get("Range"),
            "Authorization" in self.headers,
            parts.query,
        )
        self.server.desk.note(self._request)
        if fault := self._fault("status"):
            self._refuse(fault.status, **fault.headers)
        elif found := re.fullmatch(r"/storage/([0-9a-f]{64})", parts.path):
            self._stored(found[1])
        elif found := _INFO.fullmatch(parts.path):
            self._info(found["repo"], unquote(found["revision"] or "main"))
        elif found := _RESOLVE.fullmatch(parts.path):
            self._resolve(found["repo"], unquote(found["revision"]), unquote(found["path"]))
        else:
            self._refuse(404)

    def _fault(self, *kinds: str) -> Fault | None:
        return self.server.desk.take(f"{self.command} {self.path}", *kinds)

    def _admits(self, repo: str, revision: str, path: str | None = None) -> bool:
        """Whether the request may go on; otherwise it is answered as the Hub does (X-Error-Code)."""
        repositories = self.server.repositories
        key = repositories.gate(repo) if repositories.exists(repo) else None
        given = self.headers.get("Authorization")
        if not repositories.exists(repo):
            self._refuse(404 if given else 401, X_Error_Code="RepoNotFound")
        elif key is not None and given != f"Bearer {key}" and path is not None:
            self._refuse(403 if given else 401, X_Error_Code="GatedRepo")
        elif not repositories.knows(repo, revision):
            self._refuse(404, X_Error_Code="RevisionNotFound")
        elif path is not None and path not in repositories.files(repo):
            self._refuse(404, X_Error_Code="EntryNotFound")
        else:
            return True
        return False

    def _info(self, repo: str, revision: str) -> None:
        if not self._admits(repo, revision):
            return
        files = self.server.repositories.files(repo)
        self._json(
            {
                "id": repo,
                "modelId": repo,
                "sha": self.server.repositories.commit(repo),
                "lastModified": "2026-11-20T08:30:00.000Z",
                "private": False,
                "gated": self.server.repositories.gate(repo) is not None,
                "tags": ["gguf"],
                "downloads": 0,
                "siblings": [content.describe(path) for path, content in files.items()],
            }
        )

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        if not self._admits(repo, revision, path):
            return
        content = self.server.repositories.files(repo)[path]
        headers = {"X-Repo-Commit": self.server.repositories.commit(repo), "ETag": f'"{content.etag}"'}
        if not content.is_lfs or self.server.storage is None:
            self._content(content, headers)
            return
        location = f"{self.server.storage}/storage/{content.sha256}?X-Amz-Signature=signed-secret"
        linked = {"X-Linked-Size": str(content.size), "X-Linked-ETag": f'"{content.sha256}"'}
        self._head(302, {**headers, **linked, "Location": location, "Content-Length": "0"})

    def _stored(self, sha256: str) -> None:
        content = self.server.repositories.stored(sha256)
        if content is None:
            self._refuse(404)
        else:
            self._content(content, {"ETag": f'"{sha256[:32]}"'})

    def _content(self, content: Content, headers: dict[str, str]) -> None:
        first = self._first_byte()
        if first >= content.size > 0:
            self._refuse(416, Content_Range=f"bytes */{content.size}")
            return
        headers["Content-Length"] = str(content.size - first)
        if first:
            headers["Content-Range"] = f"bytes {first}-{content.size - 1}/{content.size}"
        self._head(206 if first else 200, {**headers, "Accept-Ranges": "bytes"})
        if self.command == "GET":
            self._send(content, first)

    def _first_byte(self) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        return int(asked[1]) if asked and not self._fault("no_ranges") else 0

    def _send(self, content: Content, first: int) -> None:
        fault = self._fault("cut", "stall", "trickle", "wrong")
        at = first
        with content.file.open("rb") as file:
            file.seek(first)
            while chunk := file.read(_CHUNK):
                if fault and fault.kind == "wrong" and at <= fault.at < at + len(chunk):
                    spot = fault.at - at
                    chunk = chunk[:spot] + bytes([chunk[spot] ^ 1]) + chunk[spot + 1 :]
                elif fault and fault.kind != "wrong" and at + len(chunk) >= fault.at:
                    self._write(chunk[: max(0, fault.at - at)])
                    self._break_off(fault, chunk[max(0, fault.at - at) :])
                    return
                self._write(chunk)
                at += len(chunk)

    def _break_off(self, fault: Fault, rest: bytes) -> None:
        self.close_connection = True
        if fault.kind == "stall":
            time.sleep(60)
        for byte in rest if fault.kind == "trickle" else b"":
            self._write(bytes([byte]))
            time.sleep(0.05)

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self._request.sent += len(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self._request.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, status: int, **headers: str) -> None:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self._head(status, {**told, "Content-Length": "0"})

    def _json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
