"""`llama-swap-sync download REF…`: models of Hugging Face into the models directory."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.commands import hub as shared
from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub import model
from llama_swap_sync.hub.download import Downloads
from llama_swap_sync.hub.references import EXAMPLES, Reference, parse
from llama_swap_sync.settings import Settings

_LOG = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """REF and what to do with it."""
    parser.add_argument("refs", nargs="+", metavar="REF", help="; ".join(f"such as {e}" for e in EXAMPLES))
    parser.add_argument(
        "--dest-dir", metavar="DIR", type=Path, help="download there, not to the models directory"
    )
    parser.add_argument("--retries", metavar="N", help="how often to try again (SYNC_RETRIES)")
    parser.add_argument("--retry-delay", metavar="TIME", help="first pause, it doubles (SYNC_RETRY_DELAY)")
    parser.add_argument("--skip-verification", action="store_true", help="do not compare the SHA-256")
    parser.add_argument("--force", action="store_true", help="replace files that were put there by hand")
    parser.add_argument("--dry-run", action="store_true", help="say what would be downloaded, write nothing")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 all there; 1 a reference that names nothing; 2 a download failed; 3 wrong bytes.

    All references are read before the first request; a model that fails does not stop the others.
    """
    references = [parse(text) for text in args.refs]
    hub = shared.connect(settings)
    work = shared.downloads(
        settings,
        hub,
        args.dest_dir or settings.models_dir,
        verify=not args.skip_verification,
        force=args.force,
    )
    if not args.dry_run:
        work.staging.clean(reference.repo for reference in references)
    failed = [error for reference in references for error in _one(settings, work, reference, args.dry_run)]
    return shared.exit_code(failed)


def _one(settings: Settings, work: Downloads, reference: Reference, dry_run: bool) -> tuple[SyncError, ...]:
    try:
        wanted = model.find(work.hub, reference, shared.patience(settings), time.sleep)
        for note in wanted.selection.notes:
            _LOG.warning(note)
        if not dry_run:
            return shared.carry_out(work, wanted.orders)
        for order in wanted.orders:
            missing = work.missing(order)
            sys.stdout.writelines(
                f"would download {reference.repo}/{f.path} ({of_bytes(f.size)})\n" for f in missing
            )
            if not missing:
                sys.stdout.write(f"{order} is there already\n")
    except SyncError as error:
        _LOG.error("%s", error)
        return (error,)
    return ()
