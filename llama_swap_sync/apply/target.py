"""What there is to apply to, and how: SYNC_APPLY and one look at the container -> a way. Pure but for the
look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.engine import Engine, EngineError
from llama_swap_sync.settings import Settings


class Way(StrEnum):
    """How llama-swap takes up a new config."""

    RESTART = "restart"
    SIGNAL = "signal"  # SIGHUP
    WAIT = "wait"  # it sees the file change by itself
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Target:
    """`container` as it was (None: none, or it can't be asked). `blocked`: why an apply that is owed can't
    be done."""

    way: Way
    container: ContainerState | None = None
    note: str = ""
    blocked: str = ""
    asked: bool = True  # the engine has answered

    @property
    def started_at(self) -> str | None:
        """When the container was started; "" when there is none, None when the engine can't be asked."""
        if self.container is not None:
            return self.container.started_at
        return "" if self.asked else None

    @property
    def may_serve(self) -> bool:
        """Requests may be in flight: it runs, or nobody knows."""
        return self.container is None or self.container.running

    @property
    def takes_writes(self) -> bool:
        """Writing the file, or what follows it, stops the models that run: they must be drained first."""
        return self.way is not Way.NOTHING or self.container is None or self.container.watches_config


def look(engine: Engine | None, settings: Settings) -> Target:
    """The target as it is now. Never raises: an engine that can't be asked is part of the answer."""
    if engine is None:
        return _without_engine(settings, "")
    try:
        container = engine.inspect(settings.container)
        names = engine.names() if container is None else []
    except EngineError as error:
        return _without_engine(settings, str(error))
    if container is None:
        return _missing(settings, names)
    return _of(container, settings)


def _without_engine(settings: Settings, problem: str) -> Target:
    if settings.apply == "none":
        return Target(Way.NOTHING, asked=False)
    waits = Way.WAIT if settings.url else Way.NOTHING
    return Target(waits, blocked="" if settings.apply == "watch" else problem, asked=False)


def _missing(settings: Settings, names: list[str]) -> Target:
    there_are = f"there are {', '.join(names)}" if names else "no other one is to be seen either"
    note = f"There is no container called {settings.container} (LLAMA_SWAP_CONTAINER); {there_are}."
    if settings.apply == "none":
        return Target(Way.NOTHING)
    return Target(Way.WAIT if settings.apply == "watch" else Way.NOTHING, note=note)


def _of(container: ContainerState, settings: Settings) -> Target:
    if settings.apply == "none":
        return Target(Way.NOTHING, container)
    if container.status == "paused":
        blocked = f"Container {container.name} is paused: `docker unpause {container.name}` lets it go on."
        return Target(Way.NOTHING, container, blocked=blocked)
    if container.status not in ("running", "restarting"):
        note = f"Container {container.name} is not running ({container.status})."
        return Target(Way.NOTHING, container, note=note)
    return _of_live(container, settings)


def _of_live(container: ContainerState, settings: Settings) -> Target:
    if settings.apply == "restart":
        return Target(Way.RESTART, container)
    if settings.apply == "watch":
        unwatched = (
            f"SYNC_APPLY=watch, but the command of container {container.name} has no -watch-config: add it,"
            " or set SYNC_APPLY=restart."
        )
        return Target(Way.WAIT, container, blocked="" if container.watches_config else unwatched)
    if not container.running:
        # Between two tries of its restart policy nobody hears a signal.
        return Target(Way.RESTART, container)
    # *Measured*: a signal on top of -watch-config reloads twice, and stops every model twice.
    return Target(Way.WAIT if container.watches_config else Way.SIGNAL, container)
