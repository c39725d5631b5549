"""`llama-swap-sync pass`: one pass for the unattended loop, which reads how it ended from the state."""

from __future__ import annotations

import argparse
import logging
import time

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service.heartbeat import folder
from llama_swap_sync.service.last_pass import LastPass, LastPasses
from llama_swap_sync.settings import Settings
from llama_swap_sync.sync import House, Report, synchronise

_LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only the loop knows."""
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="PATH",
        help="a file that has not been left alone for SYNC_SETTLE yet; may be repeated",
    )


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 when the change stands, else 1; either way `last-pass` in the state says how it went."""
    house = House.of(settings, time.time, unattended=True)
    try:
        report = synchronise(house, leave_out=frozenset(args.leave_out))
    except SyncError as error:
        # What is kept the loop names, once and not at every try.
        if not _keep(house, Report(ok=False, summary="The last pass failed.", problem=str(error))):
            _LOG.error("%s", error)
        return error.exit_code
    _keep(house, report)
    return 0 if report.ok else 1


def _keep(house: House, report: Report) -> bool:
    last = LastPass(
        ok=report.ok,
        at=house.now(),
        summary=report.summary,
        problem=report.problem or None,
        look_again_at=report.look_again_at,
        fingerprint=report.fingerprint,
    )
    return LastPasses(house.settings.config, folder()).keep(last)
