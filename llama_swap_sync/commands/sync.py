"""`llama-swap-sync sync`: one pass, for a person or for `sync-init`."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from llama_swap_sync.settings import Settings
from llama_swap_sync.sync import House, preview, synchronise

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of one pass; each stands for the setting of the same meaning and wins over it."""
    parser.add_argument("--container", metavar="NAME", help="the container that may be restarted")
    parser.add_argument("--prune", action="store_true", help="remove entries whose file is gone")
    parser.add_argument("--no-restart", action="store_true", help="write only; llama-swap is left alone")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and write nothing")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 done or nothing to do, 1 when the change does not stand."""
    house = House.of(settings, time.time)
    if args.dry_run:
        sys.stdout.write(preview(house))
        return 0
    report = synchronise(house)
    if report.problem:
        _log.error("%s.", report.problem.rstrip("."))
    return 0 if report.ok else 1
