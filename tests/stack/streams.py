"""A client that streams one long answer, as people's chat programs do."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.client import HTTPException

from tests.stack.box import Box


class Stream:
    """Begins at once, in a thread. `tokens` grows; `finish_reason` stays "" when the answer is cut."""

    def __init__(self, box: Box, model: str, max_tokens: int) -> None:
        body = {"model": model, "prompt": "Once", "max_tokens": max_tokens, "stream": True}
        headers = {"Content-Type": "application/json"}
        self._request = urllib.request.Request(
            f"{box.url}/v1/completions", json.dumps(body).encode(), headers
        )
        self.tokens = 0
        self.status = 0
        self.finish_reason = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _read(self) -> None:
        try:
            with urllib.request.urlopen(self._request, timeout=120) as answer:
                self.status = answer.status
                for line in answer:
                    self._take(line.decode())
        except (OSError, HTTPException):
            return

    def _take(self, line: str) -> None:
        if not line.startswith("data: {"):
            return
        choice = json.loads(line.removeprefix("data: "))["choices"][0]
        self.tokens += 1
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
