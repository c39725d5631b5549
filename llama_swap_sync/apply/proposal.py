"""What a rollout asks of a plan, so that it depends on no more of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from llama_swap_sync.config.snapshot import Snapshot


class Change(Protocol):
    """One thing that a plan does to the file."""

    @property
    def sentence(self) -> str: ...


class Rollable(Protocol):
    """What a rollout needs to know of a plan (`config.plan.Plan` is one)."""

    @property
    def before(self) -> bytes: ...
    @property
    def after(self) -> bytes: ...
    @property
    def changes(self) -> Sequence[Change]: ...
    @property
    def listed(self) -> frozenset[str]: ...
    @property
    def changed(self) -> bool: ...
    @property
    def fingerprint(self) -> str: ...


@runtime_checkable
class NewEntry(Protocol):
    """A change that adds an entry (`config.plan.Add` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def model_path(self) -> str: ...


# Reads the file anew and plans on it, adding no entry for the model paths given. Raises SyncError.
Propose = Callable[[frozenset[str]], tuple[Snapshot, Rollable]]
