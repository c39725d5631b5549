"""The rollout under way, on disk, so that a sync that is killed finishes or undoes it at its next start.

State `rollout` = {step, before (base64), after (SHA-256), …}; it exists from just before the file is
written until llama-swap is known to serve it, or the previous bytes are back. Kept with mode 0600: the
bytes may hold API keys.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from llama_swap_sync.state import State

NAME = "rollout"


class Step(StrEnum):
    """What is to be done next; everything before it is done."""

    WRITE = "write"  # the file may be the old one or the new one already
    APPLY = "apply"
    VERIFY = "verify"
    UNDO = "undo"  # the previous bytes are to be put back
    REAPPLY = "reapply"
    REVERIFY = "reverify"


@dataclass(frozen=True)
class Record:
    """One rollout. `before` goes back into the file when it fails; `after` is the digest of what was written.

    `served` are the IDs that llama-swap listed before the write (None: it did not serve). `started_at` is
    that of the container when the file was last written; a later one has read it. `restarts` are those of
    its restart policy that don't count against the change (None: it was in a restart loop already). `since`
    is the Unix time of the last write, `asked_at` that of the restart or signal which followed (0: not
    asked yet). Of a failure, `reason` is for people, `evident` says that llama-swap itself refused the
    config or ended, `serving` that it serves all the same.
    """

    step: Step
    before: bytes
    after: str
    listed: frozenset[str]
    fingerprint: str
    entries: tuple[tuple[str, str], ...] = ()  # (ID, model path) of new entries
    others: bool = False  # the plan changes more than that
    served: frozenset[str] | None = None
    profile: str = ""
    started_at: str | None = None
    restarts: int | None = 0
    since: float = 0.0
    asked_at: float = 0.0
    reason: str = ""
    evident: bool = False
    serving: bool = False
    said: str = ""  # the last sentence about it in the log

    def holds(self, data: bytes) -> bool:
        """Whether `data` is what this rollout wrote."""
        return digest(data) == self.after


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def save(state: State, record: Record) -> None:
    """Keeps `record`. A folder that takes no file is no reason to stop: only a kill would then leave work
    undone."""
    value = asdict(record)
    value["before"] = base64.b64encode(record.before).decode("ascii")
    value["listed"] = sorted(record.listed)
    value["served"] = None if record.served is None else sorted(record.served)
    state.write(NAME, value, mode=0o600)


def load(state: State) -> Record | None:
    """The rollout that was under way; None when none was, or its record is damaged."""
    value = state.read(NAME)
    if value is None:
        return None
    try:
        return _of(value)
    except (KeyError, TypeError, ValueError):
        return None


def forget(state: State) -> None:
    """The rollout is over."""
    state.forget(NAME)


def _of(value: dict[str, Any]) -> Record:
    served = value["served"]
    return Record(
        **{
            **value,
            "step": Step(value["step"]),
            "before": base64.b64decode(value["before"], validate=True),
            "listed": frozenset(value["listed"]),
            "served": None if served is None else frozenset(served),
            "entries": tuple((str(id), str(path)) for id, path in value["entries"]),
        }
    )
