"""`llama-swap-sync verify`: hash every downloaded file again."""

from __future__ import annotations

import argparse
import sys

from llama_swap_sync.commands.hub import downloaded
from llama_swap_sync.hub.errors import VerificationFailed
from llama_swap_sync.hub.progress import follower
from llama_swap_sync.hub.verify import problem_of
from llama_swap_sync.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(settings: Settings, _args: argparse.Namespace) -> int:
    """0 when every file has the bytes that were downloaded, else 3; 1 without a folder to look into."""
    files = downloaded(settings.models_dir)
    if not files:
        sys.stdout.write(f"{settings.models_dir} has no downloaded file (none has a .sha256 beside it).\n")
        return 0
    follow = follower()
    problems = [problem for file in files if (problem := problem_of(file, settings.models_dir, follow))]
    sys.stderr.writelines(f"llama-swap-sync: {problem}\n" for problem in problems)
    sys.stdout.write(f"{len(files) - len(problems)} of {len(files)} downloaded files are whole.\n")
    return VerificationFailed.exit_code if problems else 0
