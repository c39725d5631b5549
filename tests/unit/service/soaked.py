"""A loop on the real machine, its turns run without the pauses between them: `python soaked.py FOLDER LOOKS`.

Prints one JSON object: memory (kB) and open descriptors after a tenth of the looks and at the end.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llama_swap_sync.service.heartbeat import Pulse
from llama_swap_sync.service.loop import Loop
from llama_swap_sync.service.world import Machine
from llama_swap_sync.settings import read


class Soaked(Machine):
    """The machine with a clock that runs 15 s a look and passes that end at once."""

    looks = 0
    passes = 0

    def monotonic(self) -> float:
        return 1000.0 + 15.0 * self.looks

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:  # noqa: ARG002
        self.passes += 1
        return subprocess.Popen(["/bin/true"])


def used() -> dict[str, int]:
    gc.collect()
    rollup = Path("/proc/self/smaps_rollup").read_text().split()
    return {
        "pss": int(rollup[rollup.index("Pss:") + 1]),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
    }


def churn(models: Path, look: int) -> None:
    """Models come, grow, are replaced and go."""
    name = models / f"{look % 97}.gguf"
    if look % 5 == 0:
        name.write_bytes(b"x" * (look % 300))
    elif look % 7 == 0:
        name.unlink(missing_ok=True)


def main(folder: Path, looks: int) -> None:
    models = folder / "models"
    models.mkdir()
    settings = dataclasses.replace(
        read({}, in_image=True).settings, config=folder / "config.yaml", models_dir=models, settle=0.0
    )
    machine = Soaked(settings, Pulse(folder / "run"))
    loop = Loop(settings, machine)
    early: dict[str, int] = {}
    for look in range(looks):
        machine.looks = look
        churn(models, look)
        loop.turn()
        if look == looks // 10:
            early = used()
    deadline = time.monotonic() + 5
    loop.end()
    assert time.monotonic() < deadline
    print(json.dumps({"early": early, "late": used(), "passes": machine.passes}))


main(Path(sys.argv[1]), int(sys.argv[2]))
