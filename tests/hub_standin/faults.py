"""What the stand-in does wrong when it is told to, and what it saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any


@dataclass
class Fault:
    """Applies to requests whose line contains `match` ("GET /storage"), `times` times (-1: always).

    kind: "cut" (close after `at` bytes of the body, counted in the file), "stall" (send nothing more after
    `at`), "trickle" (send it a byte a time after `at`), "wrong" (flip the byte at `at`), "status" (answer
    `status` with `headers`), "no_ranges" (answer 200 to a range).
    """

    match: str
    kind: str
    at: int = 0
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """One request as it came; `sent` counts the bytes of its body that were handed to the socket."""

    host: str
    method: str
    path: str
    range: str | None
    authorised: bool
    query: str = ""
    status: int = 0
    sent: int = 0


class Desk:
    """Faults that wait, requests that were seen. Shared by all threads of both servers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._requests: list[Request] = []

    def put(self, faults: list[dict[str, Any]]) -> None:
        with self._lock:
            self._faults = [Fault(**fault) for fault in faults]

    def note(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def forget(self) -> None:
        with self._lock:
            self._requests.clear()

    def seen(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(request) for request in self._requests]

    def take(self, line: str, *kinds: str) -> Fault | None:
        """The first fault of these kinds for this request; it is used up."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.match in line and fault.times:
                    fault.times -= 1
                    return fault
        return None
