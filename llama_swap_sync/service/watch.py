"""What the looks add up to: whether a pass is wanted, what it must leave out, what is wrong."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from llama_swap_sync.service.last_pass import ConfigStamp
from llama_swap_sync.service.settle import Settling
from llama_swap_sync.service.world import Sight

_CONFIG = "config"


class Watch:
    """The memory of the looks, without a clock of its own: every `now` is the caller's monotonic one.

    While the models directory can't be seen, what it held stays remembered: a share that comes back as it was
    is no change, and one that is gone never starts a pass that could prune.
    """

    def __init__(self, settle: float, models_dir: str) -> None:
        self._models_dir = models_dir
        self._settle = settle
        self._first_pass_due: float | None = None
        self._began = False
        self._library = Settling(settle)
        self._config = Settling(settle)
        self._root: tuple[int, int] | None = None
        self._held = 0
        self.problem: str | None = None

    @property
    def files(self) -> int:
        """How many model files the last look at a healthy library saw."""
        return self._held

    def take_in(self, sight: Sight, now: float) -> None:
        """Remembers one look."""
        if self._first_pass_due is None:
            self._first_pass_due = now + self._settle
        self._config.look(_config_things(sight.config), now)
        self.problem = sight.problem or self._unmounted(sight)
        if self.problem:
            return
        self._library.look(sight.files, now)
        self._held = len(sight.files)
        if sight.files:
            self._root = sight.root

    def _unmounted(self, sight: Sight) -> str | None:
        # A person who deletes the last model leaves the same, empty folder; an unmounted share shows another
        # one.
        if sight.files or not self._held or sight.root == self._root:
            return None
        return (
            f"{self._models_dir} is empty and no longer the folder that held {self._held} model files:"
            " mount the share again; nothing is pruned until then"
        )

    def wants_pass(self, now: float) -> bool:
        """Whether something has changed and settled since the last pass began.

        The first pass also finishes what a kill interrupted, so it is wanted though nothing is there.
        """
        if not self._began:
            return self._first_pass_due is not None and self._first_pass_due <= now
        return bool(self._library.changed(now) or self._config.changed(now))

    def allows_pass(self, now: float) -> bool:
        """Whether the library can be seen and nobody is in the middle of editing the config."""
        return self.problem is None and not self._config.moving(now)

    def begin_pass(self, now: float) -> frozenset[str]:
        """A pass begins: what has settled is its concern; the paths that it must leave alone are returned."""
        self._began = True
        self._library.act(now)
        self._config.act(now)
        return self._library.moving(now)

    def wait(self, now: float) -> float | None:
        """Seconds until something that moves may have settled; None when nothing moves."""
        first = self._first_pass_due - now if self._first_pass_due and not self._began else 0.0
        waits = (self._library.wait(now), self._config.wait(now), first if first > 0 else None)
        return min((wait for wait in waits if wait is not None), default=None)


def _config_things(stamp: ConfigStamp | None) -> Mapping[str, Hashable]:
    return {} if stamp is None else {_CONFIG: stamp}
