"""Starts the stand-in: flags -> Swap -> HTTP server and signals. Exits 1 on a refused config."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from .config import RefusedError
from .options import Options, UsageError, read
from .server import Server
from .swap import Swap


def main() -> int:
    """0 after SIGTERM or SIGINT, 1 for a refused config, 2 for a wrong flag."""
    try:
        options = read(sys.argv[1:], os.environ)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        swap = Swap(options)
    except RefusedError as error:
        reason = str(error).replace('"', '\\"')
        sys.stdout.write(f'ERROR failed to load config config={options.config} error="{reason}"\n')
        return 1
    return _serve(options, swap)


def _serve(options: Options, swap: Swap) -> int:
    signals = _signals()
    server = Server((options.host, options.port), swap, options.answers)
    _in_background(server.serve_forever)
    swap.log.info(f"llama-swap listening on http://{options.host}:{server.server_port}")
    if options.watch:
        _in_background(swap.watch)
    while signals.get() == signal.SIGHUP:
        swap.log.info("received SIGHUP, reloading configuration")
        _in_background(swap.reload)
    swap.log.info("shutting down")
    swap.end()
    return 0


def _signals() -> queue.SimpleQueue[int]:
    received: queue.SimpleQueue[int] = queue.SimpleQueue()

    def put(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what `signal` calls
        received.put(number)

    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, put)
    return received


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
