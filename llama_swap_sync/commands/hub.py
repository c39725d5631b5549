"""What the commands that talk to the Hub share: settings -> the parts of `llama_swap_sync.hub`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub.client import Hub, HuggingFace
from llama_swap_sync.hub.download import Downloads, Order
from llama_swap_sync.hub.progress import follower
from llama_swap_sync.hub.retrying import Patience
from llama_swap_sync.hub.verify import Managed, managed
from llama_swap_sync.settings import Settings

_LOG = logging.getLogger(__name__)


class NoFolder(SyncError, OSError):  # noqa: N818 - reads as what happened
    """The folder whose downloads are asked about is not there, as when a share is not mounted."""


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


def downloaded(root: Path) -> list[Managed]:
    """Every downloaded file below `root`. Raises NoFolder: nothing seen is not the same as nothing there."""
    try:
        with os.scandir(root):
            return managed(root)
    except OSError as error:
        raise NoFolder(
            f"{root} can't be looked into ({error.strerror}), so no download was checked; mount it, or name"
            " the folder of the models (LLAMA_SWAP_MODELS_DIR)"
        ) from None


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
