"""A house for rollouts: a real store and state in a folder, and a `Box` in place of Docker and llama-swap."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from llama_swap_sync.apply import rollout
from llama_swap_sync.apply.outcome import Outcome
from llama_swap_sync.config.changes import Add
from llama_swap_sync.config.store import Snapshot, Store
from llama_swap_sync.files import Files, OsFiles
from llama_swap_sync.settings import Settings, read
from llama_swap_sync.state import State
from tests.fakes.box import Box, FakeClock, ids_of
from tests.fakes.engine import FakeEngine
from tests.fakes.llama_swap import FakeLlamaSwap

BEFORE = b"# mine\nmodels:\n  old:\n    cmd: serve old\n"


@dataclass(frozen=True)
class Proposed:
    """A plan as `roll_out` sees it: one entry more for each new model."""

    before: bytes
    after: bytes
    changes: Sequence[Add]

    @property
    def listed(self) -> frozenset[str]:
        return ids_of(self.after)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.before + b"\0" + self.after).hexdigest()


@dataclass
class House:
    """`library` holds the new models' paths; an ID is the path without its suffix. `edit` runs at each
    reading."""

    folder: Path
    clock: FakeClock
    box: Box
    settings: Settings
    library: list[str] = field(default_factory=list)
    files: Files = field(default_factory=OsFiles)
    proposals: int = 0
    edit: Callable[[], None] | None = None
    before_call: Callable[[str], None] = lambda _name: None
    without_engine: bool = False
    without_llama_swap: bool = False

    def __post_init__(self) -> None:
        self.engine = FakeEngine(self.box, lambda name: self.before_call(name))
        self.llama_swap = FakeLlamaSwap(self.box, lambda name: self.before_call(name))

    @property
    def config(self) -> Path:
        return self.settings.config

    @property
    def state(self) -> State:
        return State.beside(self.config, self.files)

    @property
    def store(self) -> Store:
        """A new one each time, as each process has: when it dies, its kernel lock goes with it."""
        return Store(self.config, self.files, self.state, max_backups=3, now=datetime.now)

    def set(self, **changes: Any) -> None:
        self.settings = dataclasses.replace(self.settings, **changes)

    def propose(self, refused: frozenset[str]) -> tuple[Snapshot, Proposed]:
        self.proposals += 1
        snapshot = self.store.read()
        there = ids_of(snapshot.data)
        new = [Add(path.removesuffix(".gguf"), path) for path in self.library if path not in refused]
        new = [add for add in new if add.id not in there]
        text = snapshot.data or b"models:\n"
        after = text + b"".join(f"  {add.id}:\n    cmd: serve {add.id}\n".encode() for add in new)
        if self.edit is not None:
            self.edit()
        return snapshot, Proposed(snapshot.data, after if new else snapshot.data, tuple(new))

    def roll_out(self) -> Outcome:
        return rollout.roll_out(
            self.propose,
            store=self.store,
            engine=None if self.without_engine else self.engine,
            llama_swap=None if self.without_llama_swap else self.llama_swap,
            state=self.state,
            settings=self.settings,
            clock=self.clock,
        )

    def resume(self) -> Outcome | None:
        return rollout.resume(
            store=self.store,
            engine=None if self.without_engine else self.engine,
            llama_swap=None if self.without_llama_swap else self.llama_swap,
            state=self.state,
            settings=self.settings,
            clock=self.clock,
        )


def house(folder: Path, before: bytes | None = BEFORE, **box: Any) -> House:
    config = folder / "config.yaml"
    if before is not None:
        config.write_bytes(before)
    clock = FakeClock()
    settings = dataclasses.replace(
        read({}, in_image=True).settings, config=config, models_dir=folder / "models"
    )
    return House(folder, clock, Box(config, clock, **box), settings)


def refusing(*ids: str, naming: bool = True) -> Callable[[bytes], str | None]:
    """llama-swap refuses a config that holds one of `ids`, and names it if `naming`."""

    def refuses(data: bytes) -> str | None:
        for id in ids:
            if id in ids_of(data):
                return f"unknown macro '${{oops}}' found in {id}.cmd" if naming else "unknown macro '${oops}'"
        return None

    return refuses
