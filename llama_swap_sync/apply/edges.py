"""All that a rollout touches, and what every step may ask of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from llama_swap_sync.apply.clock import Clock
from llama_swap_sync.apply.drain import drain
from llama_swap_sync.apply.engine import Engine, EngineError
from llama_swap_sync.apply.llama_swap import LlamaSwap, LlamaSwapError
from llama_swap_sync.apply.refusal import refusal
from llama_swap_sync.apply.target import Target, look
from llama_swap_sync.config.store import Store
from llama_swap_sync.settings import Settings
from llama_swap_sync.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edges:
    """`engine` None: Docker is not asked. `llama_swap` None: LLAMA_SWAP_URL is empty.

    `hand_over`: another run is to apply what this one writes.
    """

    store: Store
    engine: Engine | None
    llama_swap: LlamaSwap | None
    state: State
    settings: Settings
    clock: Clock
    hand_over: bool = False

    def look(self) -> Target:
        """The container as it is now, and the way to it."""
        return look(self.engine, self.settings)

    def drain(self) -> None:
        """Waits for running answers where what comes next would cut them: a write may do that by itself."""
        target = self.look()
        if self.llama_swap is None or not (target.may_serve and target.takes_writes):
            return
        drained = drain(self.llama_swap, self.clock, self.settings.drain_timeout)
        if drained.sentence:
            log.warning("%s", drained.sentence)
        elif drained.waited >= 1:
            log.info("Waited %.0f s for running answers to end.", drained.waited)

    def serving(self) -> tuple[frozenset[str] | None, str]:
        """What llama-swap lists and which profile is active; (None, "") when it does not serve."""
        if self.llama_swap is None:
            return None, ""
        try:
            return self.llama_swap.models(), self.llama_swap.active_profile()
        except LlamaSwapError as error:
            log.debug("%s", error)
            return None, ""

    def standing_refusal(self) -> str | None:
        """Why llama-swap refuses the file as it stands, where it watches it and runs on with an older one.

        A restart would end that: it would be left worse than it was.
        """
        container = self.look().container
        if self.engine is None or container is None or not (container.running and container.watches_config):
            return None
        try:
            return refusal(self.engine.logs(container.name, since=container.started, tail=500))
        except EngineError as error:
            log.debug("%s", error)
            return None

    def set_profile(self, profile: str) -> None:
        """The active profile again: every apply forgets it."""
        if not profile or self.llama_swap is None:
            return
        try:
            if self.llama_swap.active_profile() != profile:
                self.llama_swap.set_profile(profile)
        except LlamaSwapError as error:
            log.warning("The profile %s could not be made active again. %s", profile, error)
