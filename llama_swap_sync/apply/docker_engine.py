"""The Engine on Docker's SDK, with short timeouts and the engine's own API version."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, TypeVar

from llama_swap_sync.apply import docker_endpoint
from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.docker_endpoint import Endpoint
from llama_swap_sync.apply.engine import STOP_SECONDS, EngineDenied, EngineError, EngineUnreachable

# Longer than a NAS with sleeping disks takes for an inspect, short enough for SIGTERM's five seconds and a
# retry.
_TIMEOUT = 10
# What we speak where `/version` itself is denied (a strict proxy): every engine names its own range when it
# minds.
_FALLBACK_VERSION = "1.44"
_VERSION_RANGE = re.compile(r"(?:[Mm]aximum|[Mm]inimum) supported API version is (\d+\.\d+)")

_Answer = TypeVar("_Answer")


class DockerEngine:
    """See `Engine`. The API version is negotiated at the first question."""

    def __init__(self, docker_host: str, environ: Mapping[str, str]) -> None:
        self._docker_host = docker_host
        self._environ = environ
        self._version = ""

    def inspect(self, name: str) -> ContainerState | None:
        inspected = self._ask(
            f"GET inspect of {name}", lambda client: client.inspect_container(name), missing=None
        )
        return None if inspected is None else ContainerState.of(inspected)

    def restart(self, name: str) -> None:
        self._ask(f"POST restart of {name}", lambda client: client.restart(name, timeout=STOP_SECONDS))

    def reload(self, name: str) -> None:
        self._ask(f"POST kill (SIGHUP) of {name}", lambda client: client.kill(name, signal="SIGHUP"))

    def logs(self, name: str, *, since: float | None = None, tail: int = 50) -> list[str]:
        # The engine takes whole seconds only through the SDK's int; a float is passed on as it is.
        raw: bytes = self._ask(
            f"GET logs of {name}",
            lambda client: client.logs(name, tail=tail, since=since, stream=False),
            missing=b"",
        )
        return raw.decode("utf-8", "replace").splitlines()

    def names(self) -> list[str]:
        try:
            listed = self._ask("GET list of containers", lambda client: client.containers(all=True))
        except EngineDenied:
            return []
        return sorted(
            str(found).removeprefix("/") for each in listed for found in (each.get("Names") or ())[:1]
        )

    def _ask(self, request: str, question: Callable[[Any], _Answer], **missing: _Answer) -> _Answer:
        """The answer to `question`; `missing=` is what a 404 stands for. Raises EngineError."""
        import docker.errors
        import requests

        endpoint = self._endpoint()
        try:
            return self._negotiated(endpoint, question)
        except docker.errors.NotFound as error:
            if "missing" in missing:
                return missing["missing"]
            raise EngineError(f"Docker: {request} failed: {error.explanation or error}.") from error
        except docker.errors.APIError as error:
            raise _refused(request, endpoint, error) from error
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise EngineUnreachable(docker_endpoint.why_unreachable(endpoint, _short(error))) from error

    def _endpoint(self) -> Endpoint:
        import docker.errors

        try:
            return docker_endpoint.find(self._docker_host, self._environ)
        except (docker.errors.DockerException, OSError) as error:
            raise EngineUnreachable(
                f"Where Docker answers can't be made out ({_short(error)}): look at DOCKER_HOST,"
                " DOCKER_CONTEXT, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
            ) from error

    def _negotiated(self, endpoint: Endpoint, question: Callable[[Any], _Answer]) -> _Answer:
        import docker.errors

        self._version = self._version or _spoken(endpoint)
        try:
            return _asked(endpoint, self._version, question)
        except docker.errors.APIError as error:
            minded = _VERSION_RANGE.search(str(error.explanation or ""))
            if minded is None or minded[1] == self._version:
                raise
            self._version = minded[1]
            return _asked(endpoint, self._version, question)


def _spoken(endpoint: Endpoint) -> str:
    """The API version that the engine speaks itself; a strict proxy keeps `/version` to itself."""
    import docker.errors

    try:
        told = _asked(endpoint, _FALLBACK_VERSION, lambda client: client.version(api_version=False))
    except docker.errors.APIError:
        return _FALLBACK_VERSION
    return str(told.get("ApiVersion") or _FALLBACK_VERSION)


def _asked(endpoint: Endpoint, version: str, question: Callable[[Any], _Answer]) -> _Answer:
    """One connection for one question: it outlives no restart of the engine, and leaves no handle behind."""
    import docker

    _knock(endpoint)
    client = docker.APIClient(
        base_url=endpoint.address,
        tls=endpoint.tls,
        version=version,
        timeout=_TIMEOUT,
        # The ssh program, as the command line uses it: its config, agent and keys apply.
        use_ssh_client=endpoint.address.startswith("ssh://"),
    )
    with closing(client):
        return question(client)


def _knock(endpoint: Endpoint) -> None:
    """Raises OSError where nobody opens: the SDK would wrap it four times, and leave its socket open."""
    if endpoint.socket is not None:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(_TIMEOUT)
            door.connect(str(endpoint.socket))


def _refused(request: str, endpoint: Endpoint, error: Any) -> EngineError:
    status = error.response.status_code if error.response is not None else 0
    said = " ".join(str(error.explanation or error).split())[:200]
    if "<html" in said.lower():
        # HAProxy, on which socket proxies are built, answers with a page for browsers.
        said = str(error.response.reason)
    if status in (401, 403, 405):
        return EngineDenied(
            f"Docker at {endpoint.address} denies {request} ({status} {said}): let the socket proxy allow"
            " inspect, logs, restart and kill of this container, see compose.socket-proxy.yml."
        )
    return EngineError(f"Docker at {endpoint.address} failed at {request} ({status} {said}).")


def _short(error: Exception) -> str:
    """The innermost cause: the SDK wraps the system's words four times."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or inner.__context__) is not None:
        inner = deeper
    if isinstance(inner, NameError):
        # The SDK's own way to say that paramiko is missing.
        return "ssh:// needs a package more: pip install 'docker[ssh]'"
    words = " ".join((getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).split())
    return words.partition(". ")[0][:200]
