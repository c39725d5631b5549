"""What the commands that talk to the Hub share: settings -> the parts of `llama_swap_sync.hub`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub.client import Hub, HuggingFace
from llama_swap_sync.hub.download import Downloads, Order
from llama_swap_sync.hub.progress import follower
from llama_swap_sync.hub.retrying import Patience
from llama_swap_sync.settings import Settings

_LOG = logging.getLogger(__name__)


def connect(settings: Settings) -> Hub:
    """The Hub of HF_ENDPOINT, with the token of HF_TOKEN; nothing is asked yet."""
    return HuggingFace(settings.hf_endpoint, settings.hf_token)


def patience(settings: Settings) -> Patience:
    """SYNC_RETRIES and SYNC_RETRY_DELAY."""
    return Patience(settings.retries, settings.retry_delay)


def downloads(
    settings: Settings, hub: Hub, root: Path, *, verify: bool = True, force: bool = False
) -> Downloads:
    """Downloads below `root`, followed by a bar on a terminal and by lines elsewhere."""
    return Downloads(hub, root, patience(settings), verify=verify, force=force, follow=follower())


def carry_out(work: Downloads, orders: Sequence[Order]) -> tuple[SyncError, ...]:
    """Every order, whatever becomes of the ones before; what failed is logged and returned."""
    failed = []
    for order in orders:
        try:
            work.carry_out(order)
        except SyncError as error:
            _LOG.error("%s", error)
            failed.append(error)
    return tuple(failed)


def exit_code(failed: Sequence[SyncError]) -> int:
    """0 when nothing failed, else the gravest: 3 verification, 2 download, 1 anything else."""
    return max((error.exit_code for error in failed), default=0)
