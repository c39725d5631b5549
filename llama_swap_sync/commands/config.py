"""`llama-swap-sync config`: the settings in force and where each value came from."""

from __future__ import annotations

import argparse
import sys

from llama_swap_sync.settings import Reading
from llama_swap_sync.settings.sample import in_force


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(reading: Reading, _args: argparse.Namespace) -> int:
    """Print one line a variable, secrets as `***`; warnings about unknown names go to stderr."""
    sys.stdout.write(in_force(reading))
    sys.stderr.writelines(f"llama-swap-sync: {warning}\n" for warning in reading.warnings)
    return 0
