"""Where Docker answers, as its command line would find it, and why it does not."""

from __future__ import annotations

import grp
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and, for tcp, its TLS configuration (the SDK's own object, or False)."""

    address: str
    tls: Any = False

    @property
    def socket(self) -> Path | None:
        """The path of a Unix socket; None for other addresses."""
        for scheme in ("http+unix://", "unix://"):
            if self.address.startswith(scheme):
                return Path("/" + self.address.removeprefix(scheme).lstrip("/"))
        return None


def find(docker_host: str, environ: Mapping[str, str]) -> Endpoint:
    """`docker_host` with the TLS files that DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name, else the context
    in use.

    Raises docker.errors.DockerException or OSError when a context or TLS file can't be read.
    """
    from docker.utils import kwargs_from_env

    if docker_host:
        found = kwargs_from_env({**environ, "DOCKER_HOST": docker_host})
        return Endpoint(docker_host, found.get("tls", False))
    return _of_context(environ.get("DOCKER_CONTEXT", ""))


def _of_context(name: str) -> Endpoint:
    from docker.context import ContextAPI
    from docker.errors import ContextNotFound

    context = ContextAPI.get_context(name or None)
    if context is None:
        # A config.json that names a context whose folder is gone must not end in the default engine,
        # silently.
        raise ContextNotFound(name or "of ~/.docker/config.json")
    return Endpoint(context.Host or DEFAULT_SOCKET, context.TLSConfig or False)


def why_unreachable(endpoint: Endpoint, reason: str) -> str:
    """One line on what stands between us and the engine, and which mount or setting mends it."""
    socket = endpoint.socket
    if socket is None:
        return (
            f"Docker does not answer at {endpoint.address} ({reason}): look whether it runs and whether"
            " DOCKER_HOST names it."
        )
    try:
        status = socket.stat()
    except FileNotFoundError:
        return (
            f"Docker's socket {socket} is not there: mount it with `- {socket}:{socket}` under volumes,"
            " name another one in DOCKER_HOST, or do without by SYNC_APPLY=watch."
        )
    except OSError as error:
        return f"Docker's socket {socket} can't be looked at ({error.strerror}): look at its mount."
    if not os.access(socket, os.R_OK | os.W_OK):
        return _denied(socket, status.st_gid)
    return (
        f"Docker does not answer at {socket} ({reason}): start the engine, for example with"
        " `systemctl start docker`."
    )


def _denied(socket: Path, gid: int) -> str:
    return (
        f"Docker's socket {socket} is for group {_group(gid)}, and this runs as {os.geteuid()}:{os.getegid()}"
        f' with the groups {sorted(os.getgroups())}: add `group_add: ["{gid}"]` to this service in'
        f" compose.yml, or set PGID={gid}."
    )


def _group(gid: int) -> str:
    try:
        return f"{grp.getgrgid(gid).gr_name} ({gid})"
    except KeyError:
        return str(gid)
