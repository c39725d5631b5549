"""llama-swap's doors: the OpenAI endpoints that start models, and its own."""

from __future__ import annotations

import http.client
import json
import queue
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .answers import Handler
from .events import Message, encode
from .faults import answer_badly
from .process import NotReadyError
from .proxying import BadRequestError, forward, requested
from .router import UnknownModelError

if TYPE_CHECKING:
    from .swap import Swap

_PROXIED = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/reranking",
        "/rerank",
        "/completion",
        "/infill",
    }
)
_OPEN_TO_ALL = frozenset({"/", "/health"})


class Server(ThreadingHTTPServer):
    """One HTTP server for the whole life of the stand-in; reloads change `swap.router` behind it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], swap: Swap, answers: str) -> None:
        super().__init__(address, Doors)
        self.swap = swap
        self.answers = answers


class Doors(Handler):
    """One connection."""

    server: Server

    def do_GET(self) -> None:  # noqa: N802 - what http.server calls
        self._handle(
            {
                "/": self._health,
                "/health": self._health,
                "/v1/models": self._models,
                "/running": self._running,
                "/unload": self._unload,
                "/logs": self._logs,
                "/api/events": self._events,
                "/api/profiles": self._profiles,
            }
        )

    def do_POST(self) -> None:  # noqa: N802
        if urlsplit(self.path).path in _PROXIED:
            self._handle({urlsplit(self.path).path: self._proxied})
        else:
            self._handle({"/api/models/unload": self._unload})

    def do_PUT(self) -> None:  # noqa: N802
        self._handle({"/api/profiles/active": self._activate})

    def _handle(self, doors: dict[str, Callable[[], None]]) -> None:
        path = urlsplit(self.path).path
        door = doors.get(path)
        try:
            if path not in _OPEN_TO_ALL and answer_badly(self, self.server.answers):
                return
            if path not in _OPEN_TO_ALL and not self._has_key():
                self.body()
                self.problem(401, "unauthorized: invalid or missing API key")
            elif door is None:
                self.problem(404, "page not found")
            else:
                door()
        except (OSError, http.client.HTTPException):
            # The client left, or the model's server ended amid its answer: cut without an end, as measured.
            self.close_connection = True

    def _has_key(self) -> bool:
        keys = self.server.swap.router.config.api_keys
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return not keys or bool(keys & {bearer, self.headers.get("X-Api-Key", "")})

    def _health(self) -> None:
        self.text("OK")

    def _models(self) -> None:
        listed = [model for model in self.server.swap.router.config.models.values() if not model.unlisted]
        self.json(
            {
                "object": "list",
                "data": [
                    {
                        "id": model.id,
                        "object": "model",
                        "created": int(time.time()),
                        "owned_by": "llama-swap",
                        **({"name": model.name} if model.name else {}),
                        **({"description": model.description} if model.description else {}),
                        **({"meta": {"llamaswap": dict(model.metadata)}} if model.metadata else {}),
                    }
                    for model in sorted(listed, key=lambda model: model.id)
                ],
            }
        )

    def _running(self) -> None:
        self.json(
            {
                "running": [
                    {
                        "model": process.model.id,
                        "state": process.state,
                        "cmd": " ".join(process.model.command),
                        "proxy": process.model.upstream,
                        "name": process.model.name,
                        "description": process.model.description,
                    }
                    for process in self.server.swap.router.running()
                ]
            }
        )

    def _unload(self) -> None:
        self.body()
        self.server.swap.router.unload()
        self.text("OK")

    def _logs(self) -> None:
        self.text(self.server.swap.log.history())

    def _profiles(self) -> None:
        router = self.server.swap.router
        profiles = [{"name": name} for name in sorted(router.config.profiles)]
        self.json({"active": router.active_profile, "profiles": profiles})

    def _activate(self) -> None:
        name = json.loads(self.body() or b"{}").get("name") or ""
        router = self.server.swap.router
        if name and name not in router.config.profiles:
            self.problem(404, f"profile {name} not found")
            return
        router.active_profile = name
        self.json({"active": name})

    def _proxied(self) -> None:
        swap = self.server.swap
        body = self.body()
        if swap.is_ending:
            self.problem(503, "llama-swap is shutting down")
            return
        router = swap.router
        try:
            data = requested(body)
            model_id = router.resolve(data["model"])
            with swap.events.request(model_id), router.serving(model_id) as process:
                forward(self, process.model, data)
        except BadRequestError as error:
            self.problem(400, str(error))
        except UnknownModelError as error:
            self.problem(404, f"could not find suitable inference handler for {error.args[0]}")
        except NotReadyError as error:
            self.problem(502, str(error))

    def _events(self) -> None:
        swap = self.server.swap

        def opening() -> list[Message]:
            history: Message = ("logData", {"source": "proxy", "data": swap.log.history()})
            return [history, ("modelStatus", swap.router.status())]

        self.begin(200, "text/event-stream", chunked=True)
        with swap.events.listen(opening) as heard:
            while not swap.is_ended:
                try:
                    self.chunk(encode(heard.get(timeout=1)))
                except queue.Empty:
                    continue
