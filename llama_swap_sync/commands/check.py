"""`llama-swap-sync check`: look at settings, folders, Docker and llama-swap, and say what to do."""

from __future__ import annotations

import argparse
import sys

from llama_swap_sync.service.check.finding import exit_code
from llama_swap_sync.settings import Secret, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which container is looked at."""
    parser.add_argument("--container", metavar="NAME", help="llama-swap's container (LLAMA_SWAP_CONTAINER)")


def run(settings: Settings, _args: argparse.Namespace) -> int:
    """One line a fact; 1 if something must be done, else 0."""
    from llama_swap_sync.apply.engine import connect
    from llama_swap_sync.apply.llama_swap import HttpLlamaSwap
    from llama_swap_sync.service.check.box import check_all

    def listed(key: str) -> int:
        return len(HttpLlamaSwap(settings.url, Secret(key) if key else None).models())

    findings = check_all(settings, connect(settings.docker_host), listed)
    sys.stdout.writelines(f"{finding.line}\n" for finding in findings)
    return exit_code(findings)
