"""The sign of life that the loop leaves for `healthcheck.py`, `status` and the status page.

FOLDER/
  heartbeat.json   what `Heartbeat` holds, replaced whole at every look
  life.json        when the loop began and how many before it crashed young; removed by an orderly end
  refusal.json     why the loop could not even begin (wrong settings)

FOLDER is on a tmpfs (`/run/llama-swap-sync` in the image): at each look a NAS's disks would otherwise wake
up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RUN_FOLDER = Path("/run/llama-swap-sync")
# A loop that lives for STEADY seconds is well again; one that ends sooner this often in a row is in a crash
# loop.
STEADY = 600.0
CRASHES = 3


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What is true at one look. `looked_at` is monotonic: a clock set back can't make it look fresh."""

    pid: int
    looked_at: float
    wall: float
    interval: float
    config: str
    files: int
    problems: tuple[str, ...] = ()
    working: tuple[str, ...] = ()
    engine: str = ""
    status_port: int = 0

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Heartbeat:
        """Raises TypeError for anything but what `asdict` gave."""
        lists = {name: tuple(value.get(name, ())) for name in ("problems", "working")}
        return cls(**{**value, **lists})


def folder() -> Path:
    """The image's tmpfs where there is one, else a folder of this user's among temporary ones.

    Not "where this user may write": the health check runs as a root without capabilities, who may not.
    """
    if RUN_FOLDER.is_dir():
        return RUN_FOLDER
    return Path(os.environ.get("TMPDIR") or "/tmp") / f"llama-swap-sync-{os.getuid()}"


class Pulse:
    """Writes and reads the folder's files, each whole; a full tmpfs is no reason for the loop to end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def beat(self, heartbeat: Heartbeat) -> None:
        """Leaves the sign of life."""
        self._write("heartbeat", asdict(heartbeat))

    def last(self) -> Heartbeat | None:
        """The last sign of life; None when there is none that can be read."""
        try:
            return Heartbeat.of(self._read("heartbeat"))
        except TypeError:
            return None

    def started(self, now: float) -> int:
        """A loop begins at `now` (monotonic): what kept an earlier one from beginning is over.

        Returns how many loops before it ended young, in a row, without being told to.
        """
        at, crashes = self.life()
        died_young = self._exists("life") and 0 <= (self._died_at() or at) - at < STEADY
        crashes = crashes + 1 if died_young else 0
        self._write("life", {"at": now, "crashes": crashes})
        self._remove("refusal")
        return crashes

    def ended(self) -> None:
        """The loop ends because it was told to."""
        for name in ("life", "heartbeat"):
            self._remove(name)

    def life(self) -> tuple[float, int]:
        """When the loop began (monotonic), and how many before it ended young without being told to."""
        life = self._read("life")
        return float(life.get("at", 0.0)), int(life.get("crashes", 0))

    def _died_at(self) -> float | None:
        last = self.last()
        return last.looked_at if last else None

    def refused(self, problems: list[str]) -> None:
        """Notes why no loop begins."""
        self._write("refusal", {"problems": problems})

    def refusal(self) -> list[str]:
        """Why no loop began; empty when nothing was in the way."""
        return [str(problem) for problem in self._read("refusal").get("problems", [])]

    def _exists(self, name: str) -> bool:
        return (self.folder / f"{name}.json").exists()

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        temporary = self.folder / f".{name}.json"
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(value), encoding="utf-8")
            temporary.replace(self.folder / f"{name}.json")
        except OSError:
            return
