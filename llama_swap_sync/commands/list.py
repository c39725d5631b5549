"""`llama-swap-sync list`: every model with its kind, size, context, ID and state; writes nothing."""

from __future__ import annotations

import argparse
import json
import logging
import sys

from llama_swap_sync.library.cache import Headers
from llama_swap_sync.library.listing import as_json, table
from llama_swap_sync.library.models import understand
from llama_swap_sync.library.scan import look
from llama_swap_sync.settings import Settings
from llama_swap_sync.sync import planned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option: the same for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0, or 1 when the models directory can't be looked at. Raises ConfigError, StoreError."""
    from llama_swap_sync.config.changes import Add
    from llama_swap_sync.config.store import open_store

    library = understand(settings.models_dir, look(settings.models_dir, settings.exclude), Headers())
    plan = planned(settings, open_store(settings).read().data, library, lambda _path: False)
    new_ids = {change.model_path: change.id for change in plan.changes if isinstance(change, Add)}
    served = {path: ids for path, ids in plan.served.items() if path not in new_ids}
    if args.json:
        sys.stdout.write(json.dumps(as_json(library, served, new_ids), ensure_ascii=False, indent=2) + "\n")
    else:
        verbose = logging.getLogger("llama_swap_sync").isEnabledFor(logging.DEBUG)
        sys.stdout.write(table(library, served, new_ids, everything=verbose))
    return 0 if library.problem is None else 1
