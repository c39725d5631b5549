"""What has changed and been left alone since: nothing is acted upon while it is still being written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Settling:
    """Things by name, each with a stamp that changes when the thing does; `pause` is in seconds.

    A thing has settled when looks at least `pause` apart, and all between them, saw the same stamp (or saw it
    gone). Time is the caller's monotonic clock: modification times lie (`cp -p`, a NAS with a wrong clock)
    and the wall clock jumps. Not guaranteed: a writer that pauses for longer than `pause` looks finished.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._seen: dict[str, Hashable] = {}
        self._moved_at: dict[str, float] = {}
        self._acted_on: dict[str, Hashable] = {}

    def look(self, things: Mapping[str, Hashable], now: float) -> None:
        """Takes in what is there at `now`."""
        self._moved_at = {name: at for name, at in self._moved_at.items() if now - at < self._pause}
        if things == self._seen:
            return
        for name in things.keys() | self._seen.keys():
            if things.get(name) != self._seen.get(name):
                self._moved_at[name] = now
        self._seen = dict(things)

    def moving(self, now: float) -> frozenset[str]:
        """The names that changed less than `pause` ago."""
        return frozenset(name for name, at in self._moved_at.items() if now - at < self._pause)

    def changed(self, now: float) -> frozenset[str]:
        """The names that have settled and differ from what was last acted upon."""
        if self._seen == self._acted_on:
            return frozenset()
        moving = self.moving(now)
        return frozenset(
            name
            for name in self._seen.keys() | self._acted_on.keys()
            if name not in moving and self._seen.get(name) != self._acted_on.get(name)
        )

    def wait(self, now: float) -> float | None:
        """Seconds until the next moving thing may have settled; None when nothing moves."""
        waits = [at + self._pause - now for at in self._moved_at.values() if now - at < self._pause]
        return min(waits, default=None)

    def act(self, now: float) -> None:
        """All that has settled is being acted upon; what still moves will be a change of its own."""
        for name in self.changed(now):
            if name in self._seen:
                self._acted_on[name] = self._seen[name]
            else:
                del self._acted_on[name]
