"""The real `run` under supervisord for 2,000 looks: what it holds must not grow, what it says neither."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.lone_sync import LoneSync, NewSync

pytestmark = pytest.mark.stack

_LOOKS = 2000
_CHURN_EVERY = 10


@dataclass
class Soak:
    """A loop that is made to look. Waking it by SIGCHLD, as the end of a child does, is a look at once."""

    sync: LoneSync
    looks: int = 0

    def __post_init__(self) -> None:
        self.programs = self.sync.programs()
        self.model = self.sync.add_model("model0.gguf").read_bytes()
        self._heartbeat = Path(f"/proc/{self.programs['run']}/root/run/llama-swap-sync/heartbeat.json")

    def look(self) -> None:
        before = self._beat()
        os.kill(self.programs["run"], signal.SIGCHLD)
        await_condition(lambda: self._beat() > before, "a look", pause=0.002)
        self.looks += 1

    def churn(self) -> None:
        """Models come, are replaced by larger ones, and go."""
        path = self.sync.models / f"model{self.looks // _CHURN_EVERY % 13}.gguf"
        if self.looks // _CHURN_EVERY % 3 == 2:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(self.model + b"\0" * (self.looks % 300))

    def look_until(self, looks: int) -> None:
        while self.looks < looks:
            if self.looks % _CHURN_EVERY == 0:
                self.churn()
                self._ask_page()
            self.look()

    def rest(self) -> None:
        """Until no pass runs and none is about to."""
        await_condition(lambda: not self._working() and len(self.sync.programs()) == 3, "the passes' end")
        for _ in range(5):
            self.look()
        await_condition(lambda: not self._working() and len(self.sync.programs()) == 3, "the passes' end")

    def memory(self) -> dict[str, int]:
        return {name: own_memory(pid) for name, pid in self.programs.items()}

    def descriptors(self) -> dict[str, int]:
        return {name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in self.programs.items()}

    def _beat(self) -> float:
        return float(json.loads(self._heartbeat.read_bytes())["looked_at"])

    def _working(self) -> bool:
        return bool(json.loads(self._heartbeat.read_bytes())["working"])

    def _ask_page(self) -> None:
        port = self.sync.page_port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=10) as answer:
            answer.read()


def own_memory(pid: int) -> int:
    """Kilobytes of the process's own. Its share of mapped files rises and falls with who else maps them."""
    words = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
    return int(words[words.index("Pss_Anon:") + 1])


def test_two_thousand_looks_with_churn_grow_neither_memory_nor_handles_nor_an_idle_log(
    new_sync: NewSync,
) -> None:
    sync = new_sync(
        "--publish=127.0.0.1::8081", SYNC_PRUNE="true", SYNC_PRUNE_GRACE="0s", SYNC_PRUNE_LIMIT="100%"
    )
    sync.start()
    sync.await_health("healthy\n")
    await_condition(lambda: len(sync.programs()) == 3, "the first pass's end")
    soak = Soak(sync)
    soak.look_until(_LOOKS // 3)
    soak.rest()
    memory, descriptors = soak.memory(), soak.descriptors()
    soak.look_until(_LOOKS)
    soak.rest()
    passes = sync.log().count("config.yaml is written")
    print(f"{memory} kB, then {soak.memory()} kB; descriptors {descriptors}; {passes} changes")
    assert sync.programs() == soak.programs, "the same processes throughout"
    assert passes > 20
    assert sum(soak.memory().values()) - sum(memory.values()) < 2048, "kB"
    assert soak.descriptors() == descriptors
    log = sync.log()
    for _ in range(300):
        soak.look()
    assert sync.log() == log
