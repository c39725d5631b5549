"""What one pass leaves for the next: a fingerprint that says "nothing to do", and since when files are gone.

State folder beside the config:
  idle.json   {"fingerprint": hex}       the last pass that ended with nothing left to do
  gone.json   {"since": {path: seconds}} stale entries' files, by the wall clock
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llama_swap_sync import __version__
from llama_swap_sync.settings import Settings


def fingerprint(config: bytes, library: str, settings: Settings) -> str:
    """One hex digest of all that a plan depends on; equal means that the plan would be empty again.

    `library` is the look's own fingerprint. Our version is part of it: a newer release may plan differently.
    """
    digest = hashlib.sha256(f"{__version__}\0{library}\0{settings!r}\0".encode())
    digest.update(config)
    return digest.hexdigest()


@dataclass(frozen=True)
class Gone:
    """Since when each stale entry's file has been missing, in seconds of the wall clock.

    The wall clock, because the grace must survive a restart of the sync. A clock that was set back never
    makes the grace shorter: what then lies in the future begins anew.
    """

    since: Mapping[str, float]

    @classmethod
    def remembered(cls, value: Mapping[str, object] | None) -> Gone:
        """From the state file's value; anything unexpected in it counts as never seen."""
        since = (value or {}).get("since")
        if not isinstance(since, dict):
            return cls({})
        return cls({str(path): float(at) for path, at in since.items() if isinstance(at, int | float)})

    def observed(self, stale: Iterable[str], now: float) -> Gone:
        """What is known after a look at `now` that found the files `stale` missing; the others are back."""
        return Gone({path: min(self.since.get(path, now), now) for path in stale})

    def for_good(self, path: str, now: float, grace: float) -> bool:
        """Whether the file has been missing for at least `grace` seconds."""
        return now - min(self.since.get(path, now), now) >= grace

    def next_due(self, now: float, grace: float) -> float | None:
        """When the next of them will have been missing long enough; None when none is waiting."""
        waiting = [at + grace for at in self.since.values() if at + grace > now]
        return min(waiting, default=None)
