"""The Docker engine of a `Box`. Every call passes `before(name)`, which may raise, as a broken socket
does."""

from __future__ import annotations

from collections.abc import Callable

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.engine import EngineError
from tests.fakes.box import NAME, Box


def nothing(_: str) -> None:
    """Ahead of a call that goes well."""


class FakeEngine:
    """`Engine` over a box; `absent` holds the names of other containers when ours is not there."""

    def __init__(self, box: Box, before: Callable[[str], None] = nothing) -> None:
        self.box = box
        self.before = before
        self.absent: list[str] | None = None

    def inspect(self, name: str) -> ContainerState | None:
        self.before("inspect")
        return None if self.absent is not None or name != NAME else self.box.inspect()

    def restart(self, name: str) -> None:
        self.before("restart")
        self._find(name, "restart")
        self.box.restart()
        self.before("restart answered")

    def reload(self, name: str) -> None:
        self.before("reload")
        self._find(name, "kill (SIGHUP)")
        self.box.hang_up()
        self.before("reload answered")

    def logs(self, name: str, *, since: float | None = None, tail: int = 50) -> list[str]:
        self.before("logs")
        if name != NAME:
            return []
        return [line for when, line in self.box.log if since is None or when > since][-tail:]

    def names(self) -> list[str]:
        self.before("names")
        return [NAME] if self.absent is None else sorted(self.absent)

    def _find(self, name: str, request: str) -> None:
        if name != NAME:
            raise EngineError(f"Docker: POST {request} of {name} failed: No such container: {name}.")
