"""llama-swap's event stream: server-sent events -> how many requests are in flight. Pure, over lines.

`GET /api/events` sends `event:message` and `data:{"type": …, "data": "JSON as a string"}`. Three
generations of the type `inflight` are in use: since July 2026 `{"operation": "snapshot", "requests": […]}`
(*measured* on v250: the key `requests` is absent when there are none), then `upsert` with `request` and
`remove` with `id`; February to July 2026 `{"total": n}`; before that none at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One event of llama-swap: its type and the decoded `data` (None when it is not JSON)."""

    type: str
    data: Any


@dataclass(frozen=True, slots=True)
class InFlight:
    """What is known of the requests in flight; `total` is None as long as the stream has not told."""

    ids: frozenset[str] = frozenset()
    total: int | None = None

    def after(self, message: Message) -> InFlight:
        """The state once `message` has been heard; messages of other types change nothing."""
        if message.type != "inflight" or not isinstance(message.data, Mapping):
            return self
        if "operation" in message.data:
            return self._after_operation(message.data)
        total = message.data.get("total")
        return InFlight(total=max(0, total)) if isinstance(total, int) else self

    def _after_operation(self, data: Mapping[str, Any]) -> InFlight:
        match data["operation"]:
            case "snapshot":
                return _known(frozenset(map(_id, data.get("requests") or ())))
            case "upsert":
                return self._with(self.ids | {_id(data.get("request"))})
            case "remove":
                return self._with(self.ids - {str(data.get("id"))})
        return self

    def _with(self, ids: frozenset[str]) -> InFlight:
        # Before the first snapshot the rest is unknown: an empty set is no sign of quiet.
        return InFlight(ids) if self.total is None else _known(ids)


def _known(ids: frozenset[str]) -> InFlight:
    return InFlight(ids, len(ids))


def _id(request: Any) -> str:
    return str(request.get("id")) if isinstance(request, Mapping) else str(request)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages of an event stream given line by line; what is no message of llama-swap's is skipped."""
    data: list[str] = []
    for line in lines:
        field, _, value = line.rstrip("\r\n").partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif not field and not value and data:
            message = _message("\n".join(data))
            data.clear()
            if message:
                yield message


def _message(text: str) -> Message | None:
    envelope = _json(text)
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get("type"), str):
        return None
    data = envelope.get("data")
    return Message(envelope["type"], _json(data) if isinstance(data, str) else data)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
