"""How a new text takes the place of the old one: everything is on the disk before anything is given up.

1. the new text in a temporary file in the same folder: written, mode and owner of the old one, fsync
2. the old text as a backup: written, fsync, renamed to its name, fsync of the folder
3. the comparison with what was read
4. `os.replace`, fsync of the folder (or the overwrite of a mounted file, under its journal)
5. only now the oldest backups go
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llama_swap_sync.config.backups import Backup, backups_of, next_backup
from llama_swap_sync.config.in_place import Intent, Journal, overwrite
from llama_swap_sync.config.snapshot import Snapshot, require_unchanged
from llama_swap_sync.config.store_errors import StoreError, advice
from llama_swap_sync.files import Access, Files, remove_if_there, sync_folder, write_new_file

# *Measured*: a 0600 file stops a llama-swap that does not run as root.
_NEW_FILE = Access(0o644)
# A file that is itself a mount can't be renamed over: EBUSY on Linux, EXDEV through some FUSE file systems.
_MOUNTED = frozenset({errno.EBUSY, errno.EXDEV})


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the file at `path`. The caller holds the lock and turns the OSErrors into sentences."""

    path: Path
    files: Files
    journal: Journal
    max_backups: int
    now: Callable[[], datetime]

    def write(self, snapshot: Snapshot, data: bytes, *, backup: bool) -> Path | None:
        """Steps 1 to 4 but for the last fsync; the path of the backup, None without one.

        Raises Changed, StoreError or OSError; the file is then the old one unless the text says otherwise. A
        backup that was made stays (the next try finds it and makes no second one).
        """
        access = Access.of(self.files.stat(self.path)) if snapshot.existed else _NEW_FILE
        temporary = self._write_temporary(data, access)
        try:
            kept = self._back_up(snapshot, access) if backup and snapshot.existed else None
            require_unchanged(self.files, self.path, snapshot)
            self._replace(temporary, snapshot, data, access)
        except BaseException:
            remove_if_there(self.files, temporary)
            raise
        return kept

    def settle(self, backup: Path | None) -> tuple[str, ...]:
        """The rest of step 4, and step 5. The deed is done: what fails here is a sentence, no error."""
        try:
            sync_folder(self.files, self.path.parent)
        except OSError as error:
            return (f"{self.path}: written, but the disk did not confirm it ({error.strerror}).",)
        try:
            for surplus in self._backups()[self.max_backups :] if backup else ():
                self.files.remove(surplus.path)
        except OSError as error:
            return (f"{self.path}: the oldest backups can't be removed ({error.strerror}).",)
        return ()

    def leftovers(self) -> list[Path]:
        """Temporary files of runs that were killed; those of a live run too, so look under the lock."""
        pattern = re.compile(rf"\.{re.escape(self.path.name)}\.[0-9a-f]{{8}}\.tmp")
        names = self.files.names(self.path.parent)
        return [self.path.parent / name for name in sorted(names) if pattern.fullmatch(name)]

    def _write_temporary(self, data: bytes, access: Access) -> Path:
        temporary = self.path.parent / f".{self.path.name}.{os.urandom(4).hex()}.tmp"
        write_new_file(self.files, temporary, data, access)
        return temporary

    def _back_up(self, snapshot: Snapshot, access: Access) -> Path | None:
        if self.max_backups == 0:
            return None
        existing = self._backups()
        if existing and self._holds(existing[0], snapshot.data):
            # A write that is refused again and again must not push out the good ones with copies of one text.
            return existing[0].path
        temporary = self._write_temporary(snapshot.data, access)
        backup = next_backup(self.path, self.now(), existing)
        try:
            self.files.replace(temporary, backup)
        except BaseException:
            remove_if_there(self.files, temporary)
            raise
        sync_folder(self.files, self.path.parent)
        return backup

    def _replace(self, temporary: Path, snapshot: Snapshot, data: bytes, access: Access) -> None:
        try:
            self.files.replace(temporary, self.path)
        except OSError as error:
            if error.errno not in _MOUNTED or not snapshot.existed:
                raise
            remove_if_there(self.files, temporary)
            require_unchanged(self.files, self.path, snapshot)
            self._overwrite(Intent(snapshot.data, data), access)

    def _overwrite(self, intent: Intent, access: Access) -> None:
        if not self.journal.open(intent, access.mode):
            folder = self.path.parent
            raise StoreError(
                self.path,
                f"is mounted as a single file, and {folder} can't keep the journal that overwriting it needs;"
                " nothing was changed. Mount the folder instead (CONFIG_PATH).",
            )
        try:
            overwrite(self.files, self.path, intent.old, intent.new)
        except OSError as error:
            self._take_back(intent, error)
            raise
        self.journal.close()

    def _take_back(self, intent: Intent, error: OSError) -> None:
        try:
            overwrite(self.files, self.path, self.files.read(self.path), intent.old)
        except OSError:
            raise StoreError(
                self.path,
                f"may be half written ({error.strerror}), and the next start puts it right from the journal."
                f" Until then: {advice(error, self.path)}",
            ) from error
        self.journal.close()

    def _backups(self) -> list[Backup]:
        return backups_of(self.path, self.files)

    def _holds(self, backup: Backup, data: bytes) -> bool:
        try:
            return backup.data == data
        except OSError:
            return False
