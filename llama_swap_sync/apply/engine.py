"""What we ask of a Docker engine, for one container by its name: look, restart, SIGHUP, last log lines.

Nothing else is ever asked, so that a socket proxy may deny the rest. Errors are sentences that name the
setting or the mount that mends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.errors import SyncError

# llama-swap lets requests end for up to 30 s after SIGTERM and forces its exit at 35 s; Docker's own 10 s
# would kill it in the middle.
STOP_SECONDS = 40


class EngineError(SyncError, OSError):
    """The engine answered, but did not do it. `str()` says what, and what to do."""


class EngineUnreachable(EngineError, ConnectionError):  # noqa: N818 - a state of affairs, not a slip
    """Nobody answers for Docker: no socket, no permission on it, engine stopped, too slow. It may come
    back."""


class EngineDenied(EngineError, PermissionError):  # noqa: N818 - a state of affairs, not a slip
    """A proxy or the engine's own policy refuses this request for good (401, 403)."""


class Engine(Protocol):
    """One Docker engine; every method raises EngineError."""

    def inspect(self, name: str) -> ContainerState | None:
        """The container as it is now; None when no container has that name."""

    def restart(self, name: str) -> None:
        """Stops it (SIGTERM, `STOP_SECONDS`, SIGKILL) and starts it again; returns when it has been
        started."""

    def reload(self, name: str) -> None:
        """Sends SIGHUP, on which llama-swap reads its config again."""

    def logs(self, name: str, *, since: float | None = None, tail: int = 50) -> list[str]:
        """Its last lines of stdout and stderr, oldest first; only those after Unix time `since` if given."""

    def names(self) -> list[str]:
        """The names of all containers, sorted; empty when a proxy keeps them to itself."""


def connect(docker_host: str, environ: Mapping[str, str] | None = None) -> Engine:
    """The engine at `docker_host` (unix://, tcp://, ssh://); "" asks the `docker` command line's context.

    Nothing is opened or imported before the first question, so it never fails here. TLS files, the
    context's name and its folder come from `environ` (the process's own when None), as for the command
    line.
    """
    import os

    from llama_swap_sync.apply.docker_engine import DockerEngine

    return DockerEngine(docker_host, os.environ if environ is None else environ)
