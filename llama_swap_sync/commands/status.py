"""`llama-swap-sync status`: what the last runs did, and whether all is well."""

from __future__ import annotations

import argparse
import json
import sys
import time

from llama_swap_sync.service import report
from llama_swap_sync.service.heartbeat import Pulse, folder
from llama_swap_sync.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it is printed."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 when the loop runs and all is well, else 1."""
    now = report.of(settings.config, Pulse(folder()), time.monotonic())
    if args.json:
        sys.stdout.write(json.dumps(now.as_dict(), indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{label + ':':<11}{value}\n" for label, value in now.rows())
    return 0 if now.healthy else 1
