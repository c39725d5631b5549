"""`/api/events`: what is in flight and what the models do, in each of the generations in use."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Message = tuple[str, Any]
# A slow reader loses messages: nobody waits for him.
_BACKLOG = 1000


def encode(message: Message) -> bytes:
    """The bytes of one server-sent event as llama-swap writes it."""
    kind, data = message
    return f"event:message\ndata:{json.dumps({'type': kind, 'data': json.dumps(data)})}\n\n".encode()


class Events:
    """Listeners, and the requests in flight. `generation`: "2026-07", "2026-02" or "none"."""

    def __init__(self, generation: str) -> None:
        self._generation = generation
        self._listeners: set[queue.Queue[Message]] = set()
        self._in_flight: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()

    @contextmanager
    def listen(self, opening: Callable[[], list[Message]]) -> Iterator[queue.Queue[Message]]:
        """What a new listener hears: `opening`, the requests in flight, then everything that happens."""
        heard: queue.Queue[Message] = queue.Queue(_BACKLOG)
        with self._changed:
            for message in [*opening(), *self._snapshot()]:
                heard.put_nowait(message)
            self._listeners.add(heard)
        try:
            yield heard
        finally:
            with self._changed:
                self._listeners.discard(heard)

    def publish(self, kind: str, data: Any) -> None:
        with self._changed:
            self._publish([(kind, data)])

    @contextmanager
    def request(self, model: str) -> Iterator[None]:
        """A request to `model` is in flight while this lasts."""
        with self._changed:
            number = str(next(self._numbers))
            self._in_flight[number] = model
            self._publish(self._upsert(number))
        try:
            yield
        finally:
            with self._changed:
                del self._in_flight[number]
                self._publish(self._remove(number))
                self._changed.notify_all()

    def wait_for_none(self, seconds: float) -> bool:
        """Whether nothing is in flight within that time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_flight, seconds)

    def _publish(self, messages: list[Message]) -> None:
        for listener in self._listeners:
            for message in messages:
                if not listener.full():
                    listener.put_nowait(message)

    def _snapshot(self) -> list[Message]:
        if self._generation == "2026-02":
            return [("inflight", {"total": len(self._in_flight)})]
        if self._generation == "none":
            return []
        requests = [self._request(number) for number in self._in_flight]
        # *Measured* on v250: `omitempty` drops the key when there are none.
        return [("inflight", {"operation": "snapshot", **({"requests": requests} if requests else {})})]

    def _upsert(self, number: str) -> list[Message]:
        if self._generation == "2026-07":
            return [("inflight", {"operation": "upsert", "request": self._request(number)})]
        return self._snapshot()

    def _remove(self, number: str) -> list[Message]:
        if self._generation == "2026-07":
            return [("inflight", {"operation": "remove", "id": number})]
        return self._snapshot()

    def _request(self, number: str) -> dict[str, str]:
        return {"id": number, "model": self._in_flight[number]}
