"""config.yaml on disk: read whole, written whole, with a lock, backups and a repair at the start.

Guaranteed, also when killed between any two system calls: the file is the old one or the new one, byte for
byte (a single mounted file: after `repair`); a backup is never given up for one that is not safely on the
disk; what a person saved since the file was read is not overwritten; a run that died blocks nobody. Mode and
owner stay.
Not guaranteed: that a save in the microseconds between the last comparison and the rename survives; that hard
links see the new text (they keep the old one); ACLs and extended attributes; and, where a share ignores
fsync, a power cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llama_swap_sync.config.backups import Backup, backups_of
from llama_swap_sync.config.in_place import Journal, overwrite
from llama_swap_sync.config.lock import Lock, Locked
from llama_swap_sync.config.snapshot import Snapshot, require_unchanged, take_snapshot
from llama_swap_sync.config.store_errors import Changed, StoreError, explained
from llama_swap_sync.config.writing import Writer
from llama_swap_sync.files import Files, OsFiles, remove_if_there
from llama_swap_sync.settings import Settings
from llama_swap_sync.state import State

__all__ = ["Backup", "Changed", "Locked", "Snapshot", "Store", "StoreError", "Written", "open_store"]


@dataclass(frozen=True, slots=True)
class Written:
    """The new text is in place; `doubts` are sentences for the log on what went less well.

    `backup` holds the text from before; None when there was none, none are kept, or nothing was written.
    """

    backup: Path | None
    doubts: tuple[str, ...] = ()


def open_store(settings: Settings, now: Callable[[], datetime] = datetime.now) -> Store:
    """The store of the config file that the settings name."""
    files = OsFiles()
    state = State.beside(settings.config, files)
    return Store(settings.config, files, state, max_backups=settings.max_backups, now=now)


class Store:
    """One config file. A path that is a link stays one: its target is what is read, locked and written.

    Lock, backups and temporary files lie beside the target, so that both names share one lock. `now` is the
    local time that backups are named by.
    """

    def __init__(
        self, path: Path, files: Files, state: State, *, max_backups: int, now: Callable[[], datetime]
    ) -> None:
        self.path = files.real_path(path)
        self._files = files
        self._journal = Journal(state, self.path)
        self._lock = Lock(self.path, state, now)
        self._writer = Writer(self.path, files, self._journal, max_backups, now)

    def read(self) -> Snapshot:
        """The file as it is; absent counts as empty. Raises StoreError (unreadable, a folder …)."""
        return take_snapshot(self._files, self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other runs from writing during the block; may be nested.

        Raises Locked at once when another run has it, StoreError when the folder takes no lock file.
        """
        with explained(self.path, "locked"):
            # filelock creates missing folders: a slip of the pen in a path would look like a new config.
            self._files.stat(self.path.parent)
            self._lock.take()
        try:
            yield
        finally:
            self._lock.give_back()

    def write(self, snapshot: Snapshot, data: bytes, *, backup: bool = True) -> Written:
        """Replaces what `snapshot` shows by `data`; the same bytes write nothing and make no backup.

        `backup=False` is for taking one's own write back: what is replaced then is not worth a backup. Raises
        Changed when the file is no longer the snapshot, Locked, or StoreError with the file as it was (where
        a mounted file could not be put back, the text says so).
        """
        if snapshot.existed and snapshot.data == data:
            return Written(None)
        with self.lock():
            self.repair()
            require_unchanged(self._files, self.path, snapshot)
            with explained(self.path, "written"):
                kept = self._writer.write(snapshot, data, backup=backup)
            return Written(kept, self._writer.settle(kept))

    def repair(self) -> str | None:
        """Undoes what a killed run left: half an overwrite, temporary files. A sentence if it did something.

        Takes the lock only when there is something to do. Raises Locked (that run lives) or StoreError.
        """
        with explained(self.path, "repaired"):
            if not self._writer.leftovers() and self._journal.pending() is None:
                return None
            with self.lock():
                done = (self._undo_overwrite(), self._remove_leftovers())
                return " ".join(filter(None, done)) or None

    def backups(self) -> list[Backup]:
        """The kept versions, newest first. Raises StoreError when the folder can't be read."""
        with explained(self.path.parent, "listed"):
            return backups_of(self.path, self._files)

    def _undo_overwrite(self) -> str | None:
        intent = self._journal.pending()
        if intent is None:
            return None
        seen = self.read().data
        halfway = seen not in (intent.old, intent.new) and intent.is_halfway(seen)
        if halfway:
            overwrite(self._files, self.path, seen, intent.old)
        self._journal.close()
        return (
            f"{self.path}: a write was interrupted half way; the text from before is back."
            if halfway
            else None
        )

    def _remove_leftovers(self) -> str | None:
        leftovers = self._writer.leftovers()
        for path in leftovers:
            remove_if_there(self._files, path)
        names = ", ".join(path.name for path in leftovers)
        return f"{self.path.parent}: removed what an interrupted run left ({names})." if leftovers else None
