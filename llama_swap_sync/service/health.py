"""Whether the unattended sync is well, and if not, why: `healthcheck.py`, `status` and the page agree on it.

Docker asks every half minute for years, so this loads the standard library's smallest parts only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from llama_swap_sync.service.heartbeat import CRASHES, STEADY, Heartbeat, Pulse

_TIMEOUT = 2.0
_UNIX = "unix://"

Probe = Callable[[str], "str | None"]


def problems(
    pulse: Pulse, now: float, ask_engine: Probe | None = None, ask_page: Probe | None = None
) -> list[str]:
    """One sentence for each thing that is wrong at `now` (monotonic seconds); empty: healthy.

    The probes ask the Docker engine at an address and the status page at a port; None: the real ones.
    """
    heartbeat = pulse.last()
    if refusal := pulse.refusal():
        return refusal
    found = [*_life(heartbeat, now), *_crashes(pulse, now)]
    if heartbeat is None or found:
        return found
    asked = [
        (ask_engine or engine_problem)(heartbeat.engine) if heartbeat.engine else None,
        (ask_page or page_problem)(str(heartbeat.status_port)) if heartbeat.status_port else None,
    ]
    return [*heartbeat.problems, *(problem for problem in asked if problem)]


def _life(heartbeat: Heartbeat | None, now: float) -> list[str]:
    if heartbeat is None or heartbeat.looked_at > now:
        return ["The loop has not looked at the models directory yet; the log says what it waits for"]
    age = now - heartbeat.looked_at
    if age < 3 * heartbeat.interval:
        return []
    return [
        f"The loop's last look was {age:.0f} s ago and it looks every {heartbeat.interval:g} s: it has ended,"
        " or the models directory does not answer; the log says which"
    ]


def _crashes(pulse: Pulse, now: float) -> list[str]:
    at, crashes = pulse.life()
    if crashes < CRASHES or not 0 <= now - at < STEADY:
        return []
    return [
        f"The loop has crashed {crashes} times in a row, each time soon after its start; the log says why"
    ]


def engine_problem(address: str) -> str | None:
    """Why Docker does not answer at `address`; None when it does, or when only TLS or ssh could tell."""
    if address.startswith(_UNIX):
        path = "/" + address.removeprefix(_UNIX).lstrip("/")
        return _ping(lambda: _connect_unix(path), path)
    if address.startswith(("tcp://", "http://")) and not os.environ.get("DOCKER_TLS_VERIFY"):
        host, _, port = address.partition("://")[2].rstrip("/").rpartition(":")
        if port.isdigit():
            return _ping(lambda: socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT), address)
    return None


def page_problem(port: str) -> str | None:
    """Why nobody answers on the status page's port; None when somebody does."""
    try:
        socket.create_connection(("127.0.0.1", int(port)), _TIMEOUT).close()
    except OSError as error:
        return f"The status page does not answer on port {port} ({_reason(error)}); the log says why it ended"
    return None


def _ping(connect: Callable[[], socket.socket], where: str) -> str | None:
    # Any answer will do: a socket proxy that lets through four requests denies this one with 403.
    try:
        with connect() as connection:
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            answer = connection.recv(16)
    except OSError as error:
        return (
            f"Docker does not answer at {where} ({_reason(error)}): look at its mount and whether Docker runs"
        )
    return (
        None if answer.startswith(b"HTTP/1.") else f"What answers at {where} is not Docker: look at its mount"
    )


def _connect_unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_TIMEOUT)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
