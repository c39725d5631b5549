"""Which of several new entries llama-swap refuses: blame by its own words, else by halves. Pure.

A search asks for trials: sets of models to add, each rolled out and rolled back for itself. What is
accepted stays. Among n entries one culprit is found in at most log2 n trials; one more rolls out what was
set aside on the way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Search:
    """`suspects` hold a culprit for sure, `aside` may be innocent, `found` are to blame if the search
    succeeds."""

    suspects: tuple[str, ...]
    aside: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    others_unsure: bool = False
    trials_left: int = 0
    gave_up: bool = False

    @classmethod
    def among(cls, models: Iterable[str], named: frozenset[str], *, others: bool) -> Search:
        """A search after all of `models` together were refused.

        `named` are those in llama-swap's error line. `others`: the refused plan changed more than these
        entries, so the first trial leaves out all of them.
        """
        suspects = tuple(models)
        budget = math.ceil(math.log2(max(1, len(suspects)))) + 1 + others
        return cls(suspects, others_unsure=others and not named, trials_left=budget)._blaming(named)

    def trial(self) -> frozenset[str] | None:
        """The models to try next (maybe none of them); None when the search is over."""
        if self.gave_up:
            return None
        if self.others_unsure:
            return frozenset()
        wanted = self._half() if self.suspects else self.aside
        return frozenset(wanted) if wanted else None

    def after(self, *, accepted: bool, named: frozenset[str] = frozenset()) -> Search:
        """The search once the trial is known to be accepted or refused, by a line that names `named`."""
        left = self.trials_left - 1
        if self.others_unsure:
            return replace(self, others_unsure=False, trials_left=left, gave_up=not accepted)._narrowed()
        if not self.suspects:
            if accepted:
                return replace(self, aside=(), trials_left=left)
            return replace(self, suspects=self.aside, aside=(), trials_left=left)._blaming(
                named, required=True
            )
        half = self._half()
        rest = self.suspects[len(half) :]
        if accepted:
            return replace(self, suspects=rest, trials_left=left)._narrowed()
        return replace(self, suspects=half, aside=self.aside + rest, trials_left=left)._blaming(named)

    def _half(self) -> tuple[str, ...]:
        return self.suspects[: (len(self.suspects) + 1) // 2]

    def _blaming(self, named: frozenset[str], *, required: bool = False) -> Search:
        """Follows the error line where it names suspects; without a name a second culprit is not hunted
        for."""
        blamed = tuple(model for model in self.suspects if model in named)
        if required and (not blamed or self.trials_left <= 0):
            return replace(self, gave_up=True)
        if not blamed:
            return self._narrowed()
        innocent = tuple(model for model in self.suspects if model not in named)
        return replace(self, suspects=(), aside=self.aside + innocent, found=self.found + blamed)

    def _narrowed(self) -> Search:
        if len(self.suspects) != 1 or self.others_unsure:
            return self
        return replace(self, suspects=(), found=self.found + self.suspects)


def named_in(line: str, ids: Mapping[str, str]) -> frozenset[str]:
    """The model paths whose ID stands in `line` as a word of its own; `ids` maps path to ID."""
    hits = {path: id for path, id in ids.items() if re.search(rf"(?<![\w/-]){re.escape(id)}(?![\w/-])", line)}
    # "qwen" also stands in "qwen.Q8_0": the longer ID is meant.
    return frozenset(
        path
        for path, id in hits.items()
        if not any(id != longer and id in longer for longer in hits.values())
    )
