"""`restore [BACKUP]`: lists the backups of config.yaml, or puts one of them in its place."""

from __future__ import annotations

import argparse
import difflib
import logging
import sys

from llama_swap_sync.config.store import Backup, Store, StoreError, open_store
from llama_swap_sync.config.store_errors import explained
from llama_swap_sync.settings import Settings

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BACKUP and --dry-run."""
    parser.add_argument(
        "backup",
        nargs="?",
        metavar="BACKUP",
        help="its number in the list, its time or its name; without one: list them all",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")


def run(settings: Settings, args: argparse.Namespace) -> int:
    """List the backups, show what one would change, or put it back.

    Raises StoreError (no such backup, unreadable, full disk …) or Locked.
    """
    store = open_store(settings)
    if args.backup is None:
        text = listing(store)
    elif args.dry_run:
        text = difference(store, chosen(store, args.backup))
    else:
        if repaired := store.repair():
            _log.warning(repaired)
        text = put_back(store, chosen(store, args.backup))
    sys.stdout.write(text)
    return 0


def listing(store: Store) -> str:
    """One line a backup, newest first: number, name, time, and how many lines putting it back changes."""
    backups = store.backups()
    if not backups:
        return f"{store.path} has no backups yet: one is made whenever something is about to change.\n"
    now = store.read().data
    lines = [
        f"{number:3}  {backup.path.name}  {backup.when:%Y-%m-%d %H:%M:%S}  {_effect(now, backup)}"
        for number, backup in enumerate(backups, start=1)
    ]
    lines.append("Put one back with `restore NUMBER`; add --dry-run to see what that changes.")
    return "".join(f"{line}\n" for line in lines)


def chosen(store: Store, words: str) -> Backup:
    """The backup that `words` name: its number in the listing, its time as in its name, its name or its path.

    Raises StoreError that says which there are.
    """
    backups = store.backups()
    for number, backup in enumerate(backups, start=1):
        if words in (str(number), backup.stamp, backup.path.name, str(backup.path)):
            return backup
    known = ", ".join(backup.stamp for backup in backups) or "there are none yet"
    raise StoreError(store.path, f"has no backup {words!r}; known ones: {known}.")


def difference(store: Store, backup: Backup) -> str:
    """The unified diff from the file as it is to the backup; empty when they are the same."""
    return "".join(_diff(store.read().data, _data(backup), store.path.name, backup.path.name))


def put_back(store: Store, backup: Backup) -> str:
    """Writes the backup over the file, whose text is backed up first; says so. Raises as `Store.write`."""
    data = _data(backup)
    snapshot = store.read()
    if snapshot.existed and snapshot.data == data:
        return f"{store.path} is the same as {backup.path.name} already; nothing was changed.\n"
    written = store.write(snapshot, data)
    for doubt in written.doubts:
        _log.warning(doubt)
    kept = f"; the text from before is kept as {written.backup.name}" if written.backup else ""
    return (
        f"{store.path}: put back {backup.path.name}{kept}. llama-swap serves it after its next start,"
        " or now where it runs with -watch-config.\n"
    )


def _effect(now: bytes, backup: Backup) -> str:
    try:
        then = _data(backup)
    except StoreError as error:
        return str(error)
    if then == now:
        return "same as now"
    changes = _diff(now, then, "now", "then")[2:]
    added = sum(line.startswith("+") for line in changes)
    removed = sum(line.startswith("-") for line in changes)
    return f"+{added} -{removed} lines"


def _diff(before: bytes, after: bytes, before_name: str, after_name: str) -> list[str]:
    return list(difflib.unified_diff(_lines(before), _lines(after), before_name, after_name))


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    # Only "\n" ends a line here; a last line without one would run into the next line of the diff.
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")] if text else []


def _data(backup: Backup) -> bytes:
    with explained(backup.path, "read"):
        return backup.data
