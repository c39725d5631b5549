"""`llama-swap-sync status-page`: the page on SYNC_STATUS_PORT, as supervisord's program `status` runs it."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service import report
from llama_swap_sync.service.heartbeat import Pulse, folder
from llama_swap_sync.service.refusal import stand_still
from llama_swap_sync.service.waiting import Waiter

if TYPE_CHECKING:
    from llama_swap_sync.settings import Settings

# supervisord (startsecs=1) takes an earlier end for a crash.
_LONG_ENOUGH = 1.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(settings: Settings, _args: argparse.Namespace) -> int:
    """Serve until SIGTERM; 0 also where SYNC_STATUS_PORT=0 asks for no page."""
    waiter = Waiter()
    waiter.listen()
    if settings.status_port == 0:
        waiter.wait(_LONG_ENOUGH)
        return 0
    from llama_swap_sync.service.status_page import serve

    pulse = Pulse(folder())

    def observe() -> report.Report:
        # The page is asked right now, so it need not ask itself whether it answers.
        return report.of(settings.config, pulse, time.monotonic(), ask_page=lambda _port: None)

    serve(settings.status_port, observe, waiter)
    return 0


def refused(error: SyncError) -> int:
    """What the page does instead when the settings, its port among them, are wrong: `run` names them."""
    return stand_still(error, say=False)
