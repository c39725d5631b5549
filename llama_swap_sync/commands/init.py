"""`llama-swap-sync init`: the one pass of `sync-init`, before llama-swap starts.

It has no Docker socket: what it writes is taken up by a llama-swap that starts afterwards, and where one runs
already (`docker compose up` again) the `sync` service applies it.
"""

from __future__ import annotations

import argparse
import logging
import time

from llama_swap_sync.config.lock import Locked
from llama_swap_sync.settings import Settings
from llama_swap_sync.sync import House, synchronise

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(settings: Settings, _args: argparse.Namespace) -> int:
    """0 when there is a config that llama-swap can start with, even if not everything could be done to it.

    Serving what is there never waits for what is new. Raises ConfigError, StoreError: llama-swap would not
    start with such a file either, so `docker compose up` had better stop with the line that says why.
    """
    try:
        report = synchronise(House.of(settings, time.time), hand_over=True)
    except Locked as held:
        _log.info("%s The config is that run's business.", held)
        return 0
    if report.problem:
        _log.warning("%s.", report.problem.rstrip("."))
    return 0 if settings.config.exists() else 1
