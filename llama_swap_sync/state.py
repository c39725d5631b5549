"""What we remember from run to run: one small JSON file a subject, safe to delete at any time.

.llama-swap-sync/
  NAME.json        {"version": 1, "value": {...}}
  .NAME.json.tmp   a write that was killed; the next one of NAME takes it away
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from llama_swap_sync.files import (
    Access,
    Files,
    OsFiles,
    give_access,
    remove_if_there,
    sync_folder,
    write_new_file,
)

FOLDER = ".llama-swap-sync"
_VERSION = 1


class State:
    """A folder of JSON files, each whole or absent whenever it is read, even after a kill or a power cut.

    Nothing here raises: what can't be read counts as never written, and `write` says whether it took place.
    Not guaranteed: that two processes that write one name at once both get True.
    """

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.folder = folder
        self._files = files or OsFiles()

    @classmethod
    def beside(cls, config: Path, files: Files | None = None) -> State:
        """The state of one config file, in a hidden folder next to it."""
        return cls(config.parent / FOLDER, files)

    def read(self, name: str) -> dict[str, Any] | None:
        """What was last written under `name`; None when absent, unreadable, damaged or of another version."""
        try:
            document = json.loads(self._files.read(self._path(name)))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            return None
        value = document.get("value")
        return value if isinstance(value, dict) else None

    def write(self, name: str, value: Mapping[str, Any], *, mode: int = 0o644) -> bool:
        """Keeps `value` (anything JSON has) under `name`; False when the folder can't be written.

        0644, so that status pages and people can read it; a caller with secrets passes a narrower mode.
        """
        data = (
            json.dumps({"version": _VERSION, "value": value}, ensure_ascii=False, indent=1).encode() + b"\n"
        )
        temporary = self.folder / f".{name}.json.tmp"
        try:
            owner = Access.of(self._made_folder())
            remove_if_there(self._files, temporary)
            write_new_file(self._files, temporary, data, Access(mode, owner.uid, owner.gid))
            try:
                self._files.replace(temporary, self._path(name))
                sync_folder(self._files, self.folder)
            except OSError:
                remove_if_there(self._files, temporary)
                raise
        except OSError:
            return False
        return True

    def forget(self, name: str) -> None:
        """Drops what was kept under `name`, if anything was."""
        with suppress(OSError):
            self._files.remove(self._path(name))
            sync_folder(self._files, self.folder)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _made_folder(self) -> Any:
        try:
            return self._files.stat(self.folder)
        except FileNotFoundError:
            self._files.make_folder(self.folder, 0o755)
        # Root may make it (`docker exec`) and the user of PUID must write it later: it belongs to whoever the
        # folder around it belongs to.
        around = Access.of(self._files.stat(self.folder.parent))
        give_access(self._files, self.folder, Access(0o755, around.uid, around.gid))
        return self._files.stat(self.folder)
