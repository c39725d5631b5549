"""`llama-swap-sync run`: keep everything in step, unattended, until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import time
from typing import TYPE_CHECKING

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service.heartbeat import Pulse, folder
from llama_swap_sync.service.refusal import stand_still
from llama_swap_sync.service.waiting import Waiter

if TYPE_CHECKING:
    from llama_swap_sync.settings import Settings

_LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own: an appliance is set up by its environment."""


def run(settings: Settings, _args: argparse.Namespace) -> int:
    """Look, settle, pass, for ever; 0 on SIGTERM, with every child gone within four seconds."""
    from llama_swap_sync.service.loop import Loop
    from llama_swap_sync.service.world import Machine

    waiter = Waiter()
    waiter.listen()
    pulse = Pulse(folder())
    if crashes := pulse.started(time.monotonic()):
        _LOG.warning("Started again after it ended without being told to, %d times in a row", crashes)
    loop = Loop(settings, Machine(settings, pulse))
    _LOG.info("Looking at %s every %g s", settings.models_dir, settings.interval)
    try:
        while not waiter.stopped:
            waiter.wait(loop.turn())
    finally:
        loop.end()
    pulse.ended()
    return 0


def refused(error: SyncError) -> int:
    """What `run` does instead when the settings are wrong."""
    return stand_still(error, say=True)
