"""The stand-in as a process, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class StandIn:
    """A running stand-in; `root` holds its repositories as folders OWNER/REPO."""

    root: Path
    endpoint: str

    def put(self, repo: str, path: str, data: bytes) -> bytes:
        """A file of a repository, replaced at once if it is there. Returns `data`."""
        place = self.root / repo / path
        place.parent.mkdir(parents=True, exist_ok=True)
        arriving = place.with_name(".arriving")
        arriving.write_bytes(data)
        arriving.replace(place)
        return data

    def faults(self, *faults: dict[str, Any]) -> None:
        """What goes wrong from now on (see `faults.Fault`), in place of what was said before."""
        self._control("faults", json.dumps(faults).encode())

    def forget(self) -> None:
        """Requests so far count no more."""
        self._control("forget", b"")

    def requests(self, method: str = "", host: str = "") -> list[dict[str, Any]]:
        """Requests seen, as `faults.Request`, oldest first."""
        with urllib.request.urlopen(f"{self.endpoint}/_control/requests", timeout=10) as answer:
            seen = json.load(answer)
        return [r for r in seen if method in ("", r["method"]) and host in ("", r["host"])]

    def sent(self) -> int:
        """Bytes of bodies handed to the network."""
        return sum(request["sent"] for request in self.requests("GET"))

    def _control(self, what: str, body: bytes) -> None:
        address = f"{self.endpoint}/_control/{what}"
        with urllib.request.urlopen(urllib.request.Request(address, body, method="POST"), timeout=10):
            pass


@contextmanager
def running(root: Path) -> Iterator[StandIn]:
    """A stand-in for the block."""
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.hub_standin", "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_REPOSITORY) as process:
        assert process.stdout is not None
        try:
            yield StandIn(root, json.loads(process.stdout.readline())["hub"])
        finally:
            process.kill()
