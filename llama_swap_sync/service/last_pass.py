"""What a pass leaves (`last-pass`) for the loop, `status` and the page."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from llama_swap_sync.state import State

NAME = "last-pass"
ConfigStamp = tuple[int, int, int]  # size, mtime_ns, inode


@dataclass(frozen=True, slots=True)
class LastPass:
    """The end of one pass.

    `at` and `look_again_at` are epoch seconds; `problem` is None when what was wanted now stands;
    `fingerprint` tells config, library and settings as the pass left them: another one than before means that
    it changed something.
    """

    ok: bool
    at: float
    summary: str = ""
    problem: str | None = None
    look_again_at: float | None = None
    fingerprint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The shape that the state keeps."""
        return asdict(self)

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> LastPass | None:
        """None for nothing, or for what an earlier version wrote in another shape."""
        if value is None:
            return None
        try:
            return cls(
                ok=bool(value["ok"]),
                at=epoch(value["at"]),
                summary=str(value.get("summary") or ""),
                problem=str(value["problem"]) if value.get("problem") else None,
                look_again_at=epoch(value["look_again_at"]) if value.get("look_again_at") else None,
                fingerprint=str(value.get("fingerprint") or ""),
            )
        except (KeyError, TypeError, ValueError):
            return None


class LastPasses:
    """How the passes of one config end: kept in the state beside it, or, while nothing can be written there,
    in the run folder on the tmpfs, so that a full disk or a folder of somebody else is named as the reason.
    """

    def __init__(self, config: Path, run_folder: Path) -> None:
        self._state = State.beside(config)
        self._spare = State(run_folder / f"{zlib.crc32(str(config).encode()):08x}")

    def read(self) -> LastPass | None:
        """The last one that could be kept; None before the first."""
        return LastPass.of(self._spare.read(NAME)) or LastPass.of(self._state.read(NAME))

    def keep(self, last: LastPass) -> bool:
        """Whether it could be kept in either place."""
        if self._state.write(NAME, last.as_dict()):
            self._spare.forget(NAME)
            return True
        return self._spare.write(NAME, last.as_dict())


def epoch(moment: float | str) -> float:
    """Epoch seconds of a number or an ISO 8601 text. Raises ValueError or TypeError."""
    return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else float(moment)


def config_stamp(config: Path) -> ConfigStamp | None:
    """What changes when the file does; None when it is not there or can't be asked about."""
    try:
        status = config.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ino)
