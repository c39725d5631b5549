"""A llama-server of a few lines, for what a real one is too quick or too slow for.

`python -m tests.stack.llama_swap_standin.fake_server --port N -m FILE …` answers `/health`, and completions
by `max_tokens` words, one every STANDIN_TOKEN_SECONDS (0.05). Exits 1 when FILE is not there, as the real
one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path

from .answers import Handler


class Completions(Handler):
    """One connection."""

    def do_GET(self) -> None:  # noqa: N802 - what http.server calls
        self.json({"status": "ok"})

    def do_POST(self) -> None:  # noqa: N802
        asked = json.loads(self.body())
        words = ["word"] * int(asked.get("max_tokens") or 4)
        if not asked.get("stream"):
            for _ in words:
                _pause()
            self.json({"choices": [{"message": {"role": "assistant", "content": " ".join(words)}}]})
            return
        self.begin(200, "text/event-stream", chunked=True)
        for word in words:
            _pause()
            piece = {"choices": [{"delta": {"content": word}}]}
            self.chunk(f"data: {json.dumps(piece)}\n\n".encode())
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")


def _pause() -> None:
    time.sleep(float(os.environ.get("STANDIN_TOKEN_SECONDS", "0.05")))


def main(argv: Sequence[str]) -> int:
    model = Path(argv[argv.index("-m") + 1])
    if not model.exists():
        sys.stderr.write(f"error: failed to open GGUF file '{model}'\n")
        return 1
    ThreadingHTTPServer(("127.0.0.1", int(argv[argv.index("--port") + 1])), Completions).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
