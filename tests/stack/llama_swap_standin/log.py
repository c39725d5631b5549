"""llama-swap's log: on stdout, kept in memory for `/logs` and new listeners, told to those that listen."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable

_KEPT = 2000


class Log:
    """`told(source, line)` hears every line; source is `proxy` for its own, `upstream` for the models'."""

    def __init__(self) -> None:
        self.told: Callable[[str, str], None] = _nobody
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def info(self, text: str) -> None:
        self._say(f"[INFO] {text}")

    def warn(self, text: str) -> None:
        self._say(f"[WARN] {text}")

    def error(self, text: str) -> None:
        self._say(f"[ERROR] {text}")

    def upstream(self, line: str) -> None:
        """A line of a model's server: kept and told, not printed (llama-swap's default)."""
        self._keep("upstream", line)

    def history(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)

    def _say(self, line: str) -> None:
        self._keep("proxy", line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _keep(self, source: str, line: str) -> None:
        with self._lock:
            self._lines.append(line)
        self.told(source, f"{line}\n")


def _nobody(source: str, line: str) -> None:
    """Hears nothing."""
