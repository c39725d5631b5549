"""The status page: one small page, its JSON and a health answer, read-only, without scripts.

GET /             the page
GET /status.json  what `llama-swap-sync status --json` prints
GET /healthz      200 or 503, one line a problem

One connection at a time, each at most two seconds: it answers a person and a monitor, and a slow client can't
make it grow.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service.report import Report
from llama_swap_sync.service.waiting import Waiter

Observe = Callable[[], Report]

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="30">
<meta name="viewport" content="width=device-width"><title>llama-swap-sync: {health}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}
th{{text-align:left;vertical-align:top;padding-right:1rem;white-space:nowrap;font-weight:600}}
.healthy{{color:#176f2c}}.unhealthy,.problem{{color:#a40e26}}
@media(prefers-color-scheme:dark){{body{{background:#111;color:#ddd}}.healthy{{color:#5fd97a}}
.unhealthy,.problem{{color:#ff8a9a}}}}</style></head>
<body><h1>llama-swap-sync</h1><table>
"""


class PageError(SyncError, OSError):
    """The page can't be served on the port that SYNC_STATUS_PORT names."""


def page(report: Report) -> str:
    """The page as HTML; every value is escaped, a model's file name included."""
    health = "healthy" if report.healthy else "unhealthy"
    rows = [
        f'<tr class="{value if label == "health" else label.replace(" ", "-")}">'
        f"<th>{html.escape(label)}</th><td>{html.escape(value)}</td></tr>\n"
        for label, value in report.rows()
    ]
    return _HEAD.format(health=health) + "".join(rows) + "</table></body></html>\n"


def answer(path: str, observe: Observe) -> tuple[HTTPStatus, str, str]:
    """Status, content type and body for the path of a GET request."""
    path = path.partition("?")[0]
    if path == "/":
        return HTTPStatus.OK, "text/html", page(observe())
    if path == "/status.json":
        return HTTPStatus.OK, "application/json", json.dumps(observe().as_dict(), indent=2) + "\n"
    if path == "/healthz":
        report = observe()
        status = HTTPStatus.OK if report.healthy else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "text/plain", "\n".join(report.problems or ("healthy",)) + "\n"
    return HTTPStatus.NOT_FOUND, "text/plain", "There is /, /status.json and /healthz.\n"


def _handler(observe: Observe) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 2.0
        server_version = "llama-swap-sync"
        sys_version = ""

        def do_GET(self) -> None:
            status, content_type, text = answer(self.path, observe)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """A monitor that asks every ten seconds must not fill the log."""

    return Handler


class _Server(HTTPServer):
    timeout = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is no news."""


def serve(port: int, observe: Observe, waiter: Waiter, host: str = "") -> None:
    """Answers on `port` until the waiter is stopped. Raises PageError when the port can't be had."""
    try:
        server = _Server((host, port), _handler(observe))
    except OSError as error:
        raise PageError(
            f"The status page can't listen on port {port} ({error.strerror}): set SYNC_STATUS_PORT to a free"
            " port, or to 0 for no page."
        ) from None
    with server:
        while not waiter.stopped:
            if waiter.wait(None, server.fileno()):
                server.handle_request()
