"""llama-swap's HTTP API of a `Box`, down to the lines of its event stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llama_swap_sync.apply.llama_swap import LlamaSwapError, NotListening
from tests.fakes.box import Box
from tests.fakes.engine import nothing


def event(type: str, data: Any) -> list[str]:
    """The lines of one event, as llama-swap writes them."""
    return ["event:message", "data:" + json.dumps({"type": type, "data": json.dumps(data)}), ""]


class FakeLlamaSwap:
    """`LlamaSwap` over a box."""

    def __init__(self, box: Box, before: Callable[[str], None] = nothing) -> None:
        self.box = box
        self.before = before

    def models(self) -> frozenset[str]:
        self._answer("models")
        return self.box.models

    def running(self) -> tuple[str, ...]:
        self._answer("running")
        return ("loaded-model",) if self.box.streams else ()

    def healthy(self) -> bool:
        try:
            self._answer("health")
        except LlamaSwapError:
            return False
        return True

    def active_profile(self) -> str:
        self._answer("profiles")
        return self.box.profile

    def set_profile(self, name: str) -> None:
        self._answer("set profile")
        self.box.profile = name

    def log(self) -> list[str]:
        self._answer("log")
        return [line for _, line in self.box.log]

    @contextmanager
    def events(self, quiet: float) -> Iterator[Iterator[str]]:
        self._answer("events")
        yield self._stream(quiet)

    def _stream(self, quiet: float) -> Iterator[str]:
        if self.box.generation == "silent":
            self.box.clock.wait(quiet)
            return
        yield from event("logData", {"source": "proxy", "data": "all that it logged\n"})
        yield from event("modelStatus", [])
        streams = self.box.streams
        yield from self._in_flight()
        silent = 0.0
        while silent < quiet:
            self.box.clock.wait(0.25)
            silent += 0.25
            if self.box.streams != streams:
                streams, silent = self.box.streams, 0.0
                yield from self._in_flight()

    def _in_flight(self) -> list[str]:
        if self.box.generation == "none":
            return []
        if self.box.generation == "total":
            return event("inflight", {"total": self.box.streams})
        requests = [{"id": str(number)} for number in range(self.box.streams)]
        # Measured on v250: `omitempty` drops the key when there are none.
        return event("inflight", {"operation": "snapshot", **({"requests": requests} if requests else {})})

    def _answer(self, name: str) -> None:
        self.before(name)
        if self.box.http_fails:
            raise LlamaSwapError(self.box.http_fails)
        if not self.box.serves:
            raise NotListening("llama-swap at http://llama-swap:8080 can't be reached (Connection refused).")
