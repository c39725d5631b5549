"""Backups of the config file: `config.yaml.bak.YYYYMMDD_HHMMSS` beside it. Names and their order, no writing.

No name of ours ends in `.yaml` or `.yml`: llama-swap's `-config-dir` would merge it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from llama_swap_sync.files import Files

_STAMP = "%Y%m%d_%H%M%S"


@dataclass(frozen=True, slots=True)
class Backup:
    """One kept version of the config file; its bytes are read only when asked for."""

    path: Path
    when: datetime
    files: Files

    @property
    def stamp(self) -> str:
        """The time in the name, as a person may pass it to `restore`."""
        return self.when.strftime(_STAMP)

    @property
    def data(self) -> bytes:
        """The bytes as they were; raises OSError."""
        return self.files.read(self.path)


def backups_of(config: Path, files: Files) -> list[Backup]:
    """All backups of `config`, newest first; whatever else a person keeps there is not ours and not listed.

    Raises OSError when the folder can't be read.
    """
    pattern = re.compile(re.escape(config.name) + r"\.bak\.(\d{8}_\d{6})")
    matches = [match for name in files.names(config.parent) if (match := pattern.fullmatch(name))]
    found = [
        Backup(config.parent / match[0], when, files)
        for match in matches
        if (when := _time(match[1])) is not None
    ]
    return sorted(found, key=lambda backup: backup.when, reverse=True)


def next_backup(config: Path, now: datetime, existing: Sequence[Backup]) -> Path:
    """A name that is free and later than every other, so that the order of names is the order of writing.

    A second backup in one second, and a clock that was set back (summer time ends), get the next free second.
    """
    when = now.replace(tzinfo=None, microsecond=0)
    if existing:
        when = max(when, existing[0].when + timedelta(seconds=1))
    return config.parent / f"{config.name}.bak.{when.strftime(_STAMP)}"


def _time(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP)
    except ValueError:
        return None
