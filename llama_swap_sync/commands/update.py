"""`llama-swap-sync update`: newer versions of downloaded models, looked for and fetched."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from llama_swap_sync.commands import hub as shared
from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub import updates
from llama_swap_sync.hub.updates import Update
from llama_swap_sync.settings import Settings


class NotAChoice(SyncError, ValueError):  # noqa: N818 - reads as what happened
    """What was typed at the menu picks nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which updates, and what to do with them."""
    parser.add_argument("--check", action="store_true", help="only say which there are")
    parser.add_argument("--all", action="store_true", help="fetch all without asking")
    parser.add_argument(
        "--dest-dir", metavar="DIR", type=Path, help="look there, not in the models directory"
    )
    parser.add_argument("--force", action="store_true", help="replace files that were put there by hand")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, write nothing")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 when all that was asked for is done (also: nothing to do, or cancelled), else 1."""
    root = args.dest_dir or settings.models_dir
    hub = shared.connect(settings)
    found = updates.find(hub, shared.downloaded(root))
    sys.stderr.writelines(f"llama-swap-sync: {problem}\n" for problem in found.problems)
    listed = [f"{number:3}  {update}\n" for number, update in enumerate(found.updates, start=1)]
    sys.stdout.writelines(listed or [f"No updates for {found.checked} downloaded files.\n"])
    if args.check or args.dry_run or not found.updates:
        return 1 if found.problems else 0
    chosen = found.updates if args.all else ask(found.updates, sys.stdin, sys.stdout)
    work = shared.downloads(settings, hub, root, force=args.force)
    failed = shared.carry_out(work, [update.order for update in chosen])
    return 1 if failed or found.problems else 0


def ask(found: Sequence[Update], source: TextIO, target: TextIO) -> tuple[Update, ...]:
    """The updates that a person picks at the terminal. Raises NotAChoice, also where there is no terminal."""
    if not source.isatty():
        raise NotAChoice("There is no terminal to ask at; add --all to fetch them, or --check to only look.")
    target.write("Which ones? Numbers such as 1,3, or all; 0 cancels: ")
    target.flush()
    return picked(source.readline(), found)


def picked(answer: str, found: Sequence[Update]) -> tuple[Update, ...]:
    """`1,3`, `1 3`, `all`; `0` or nothing picks none. Raises NotAChoice for anything else."""
    words = re.split(r"[\s,]+", answer.strip().lower())
    if words in (["all"], [""], ["0"]):
        return tuple(found) if words == ["all"] else ()
    if not all(word.isdecimal() and 1 <= int(word) <= len(found) for word in words):
        raise NotAChoice(f"{answer.strip()!r} picks nothing: type numbers from 1 to {len(found)}, all, or 0.")
    numbers = dict.fromkeys(int(word) for word in words)
    return tuple(found[number - 1] for number in numbers)
