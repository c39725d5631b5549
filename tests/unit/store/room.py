"""A config file in a folder of its own, and ways to look at what a write left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from llama_swap_sync.config.store import Store
from llama_swap_sync.files import Files, OsFiles
from llama_swap_sync.state import State

OLDER = b"# older\nmodels: {}\n"
NEWER = b"# newer\nmodels: {}\n"
OLD = b"# mine\nmodels:\n  a:\n    cmd: x\nlogLevel: info\n"
NEW = b"# mine\nmodels:\n  a:\n    cmd: x\n  b:\n    cmd: y\nlogLevel: info\n"
NOON = datetime(2024, 11, 24, 12, 0, 0)


@dataclass
class Room:
    """The folder of one config file; `store(files)` opens it as a new process would."""

    folder: Path
    max_backups: int = 3
    now: datetime = NOON

    @classmethod
    def with_backups(cls, folder: Path) -> Room:
        """A config OLD with as many backups as are kept, so that one more pushes OLDER out."""
        folder.mkdir()
        (folder / "config.yaml.bak.20230101_000000").write_bytes(OLDER)
        (folder / "config.yaml.bak.20230202_000000").write_bytes(NEWER)
        (folder / "config.yaml").write_bytes(OLD)
        return cls(folder, max_backups=2)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def store(self, files: Files | None = None) -> Store:
        files = files or OsFiles()
        state = State.beside(self.config, files)
        return Store(self.config, files, state, max_backups=self.max_backups, now=lambda: self.now)

    def tick(self, seconds: int = 1) -> None:
        self.now += timedelta(seconds=seconds)

    def backup_names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("config.yaml.bak.*"))

    def stamps(self) -> dict[Path, tuple[int, int, int, int]]:
        """What every write would change, of the folder and everything in it."""
        status = {path: path.stat() for path in (self.folder, *self.folder.rglob("*"))}
        return {path: (s.st_ino, s.st_mtime_ns, s.st_ctime_ns, s.st_mode) for path, s in status.items()}

    def leftovers(self) -> list[str]:
        """Every name beside the config that is not its lock, a backup or the state folder."""
        known = {"config.yaml", "config.yaml.lock", ".llama-swap-sync", *self.backup_names()}
        return [path.name for path in self.folder.iterdir() if path.name not in known]

    def state_names(self) -> list[str]:
        """What the state folder holds; nothing when no run is under way."""
        return [path.name for path in self.folder.glob(".llama-swap-sync/*")]


@contextmanager
def mounted(*arguments: str) -> Iterator[None]:
    """A mount for the block, its last argument being the place; skips where this user may not mount."""
    import subprocess

    made = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"can't mount here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)
