"""How a rollout ended: one value for the log, the status page and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from llama_swap_sync.apply.record import Record


class Kind(StrEnum):
    """What became of the change."""

    NOTHING = "nothing"  # the plan changes nothing
    APPLIED = "applied"  # written and served, as far as llama-swap can be asked
    WRITTEN = "written"  # written; nothing runs that could take it up, or SYNC_APPLY=none
    PENDING = "pending"  # written; taking it up is still owed and is tried again by itself
    REFUSED = "refused"  # llama-swap did not take it; the previous bytes are back and served
    BROKEN = "broken"  # the previous bytes do not serve either; they are back as the person wrote them


_FAILED = frozenset({Kind.PENDING, Kind.REFUSED, Kind.BROKEN})


@dataclass(frozen=True)
class Outcome:
    """`sentence` is for the person at the box; `refused` maps model paths left out to llama-swap's reason.

    `retry_after` is in how many seconds another pass is worth while though nothing changes; None: when
    something does. `tried_before` marks a refusal that was remembered: nothing was written or restarted
    this time. `record` is the rollout that was refused.
    """

    kind: Kind
    sentence: str
    refused: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    tried_before: bool = False
    record: Record | None = field(default=None, repr=False)

    @property
    def exit_code(self) -> int:
        """0 when the change stands or none was needed, else 1."""
        return 1 if self.kind in _FAILED or self.refused else 0

    @property
    def pending(self) -> bool:
        """Whether the file holds a change that llama-swap has still to take up."""
        return self.kind is Kind.PENDING
