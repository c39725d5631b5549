"""Telling llama-swap that its config has changed, and looking whether it took it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from llama_swap_sync.apply import record as records
from llama_swap_sync.apply.edges import Edges
from llama_swap_sync.apply.engine import STOP_SECONDS, EngineDenied, EngineError, EngineUnreachable
from llama_swap_sync.apply.record import Record
from llama_swap_sync.apply.target import Target, Way
from llama_swap_sync.apply.verify import Expectation, Result, Verdict, verify

log = logging.getLogger(__name__)

# How long a file that nobody is told of may take to be seen: two rounds of llama-swap's watcher and a reload.
_UNASKED_SECONDS = 10.0
# Docker's policy starts an ended container after 0.1 s at first and doubles that up to a minute.
_POLICY_SECONDS = 5.0


def tell(edges: Edges, record: Record, target: Target) -> tuple[Record, str]:
    """Restarts or signals the container, with the intent on disk. The record goes on with `restarts` to
    expect.

    The second value says why nobody was told, "" when somebody was: a proxy denies it, or Docker is away.
    """
    asked = replace(record, asked_at=edges.clock.now())
    records.save(edges.state, asked)
    engine, name = edges.engine, edges.settings.container
    if engine is None or target.container is None:
        return record, target.note or "Docker is not asked."
    try:
        if target.way is Way.SIGNAL:
            engine.reload(name)
            return replace(asked, restarts=target.container.restarts), ""
        engine.restart(name)
    except (EngineDenied, EngineUnreachable) as error:
        records.save(edges.state, record)
        return record, str(error)
    except EngineError as error:
        # It was asked and could not: what became of the container is seen when verifying.
        log.warning("%s", error)
    return replace(asked, restarts=0), ""


def comes_back(edges: Edges, record: Record) -> bool:
    """After llama-swap ended on the new bytes: whether its restart policy starts it on the previous ones.

    Waited for a little. *Measured*: a restart that meets a container in its first moments, before it hears
    SIGTERM, takes all of `STOP_SECONDS`; and one that answers has read a config which it accepts.
    """
    deadline = edges.clock.monotonic() + _POLICY_SECONDS
    while True:
        container = edges.look().container
        if container is None or container.status not in ("running", "restarting"):
            return False
        if container.has_read_since(record.started_at, record.since):
            return True
        if container.running and edges.llama_swap is not None and edges.llama_swap.healthy():
            return True
        if edges.clock.monotonic() >= deadline:
            return False
        edges.clock.wait(0.25)


def already_told(edges: Edges, record: Record, target: Target) -> bool:
    """After a kill: whether the restart or signal that the record speaks of has been asked for indeed."""
    if target.way is Way.RESTART:
        return _restart_under_way(edges, record)
    return target.way is Way.SIGNAL and _signal_arrived(edges, record)


def _restart_under_way(edges: Edges, record: Record) -> bool:
    """llama-swap stops listening at once and may take `STOP_SECONDS` to end, while its container still shows
    the old start. One that answers was never asked.
    """
    while record.asked_at and 0 <= edges.clock.now() - record.asked_at < STOP_SECONDS + 5:
        if edges.llama_swap is not None and edges.llama_swap.healthy():
            return False
        container = edges.look().container
        if container is not None and container.has_read_since(record.started_at, record.since):
            return True
        edges.clock.wait(0.5)
    return False


def _signal_arrived(edges: Edges, record: Record) -> bool:
    """A second signal would stop every model once more."""
    if not record.asked_at or edges.engine is None:
        return False
    try:
        lines = edges.engine.logs(edges.settings.container, since=record.asked_at)
    except EngineError:
        return False
    return any("SIGHUP" in line for line in lines)


def verdict_on(edges: Edges, record: Record, target: Target, ids: frozenset[str]) -> Verdict:
    """Whether llama-swap lists `ids` and runs on, waited for as long as SYNC_VERIFY_TIMEOUT allows."""
    in_process = target.way in (Way.SIGNAL, Way.WAIT)
    expected = Expectation(
        ids=ids,
        name=edges.settings.container,
        since=record.since,
        timeout=edges.settings.verify_timeout,
        restarts=record.restarts,
        served_before=record.served is not None,
        in_process=in_process,
    )
    engine = edges.engine if target.container is not None or target.way is not Way.WAIT else None
    again = _once_more(edges) if in_process and target.container is not None else None
    return verify(expected, engine, edges.llama_swap, edges.clock, again)


def was_seen(edges: Edges, record: Record) -> bool:
    """Whether llama-swap took the file by itself (`-watch-config`), though nobody could be told of it."""
    new = record.listed - (record.served or frozenset())
    if edges.llama_swap is None or not new:
        return False
    patience = min(_UNASKED_SECONDS, edges.settings.verify_timeout)
    expected = Expectation(record.listed, edges.settings.container, record.since, patience, in_process=True)
    return verify(expected, None, edges.llama_swap, edges.clock).result is Result.SERVED


def _once_more(edges: Edges) -> Callable[[], None]:
    def reload() -> None:
        log.info("llama-swap does not list the new models yet; asking it to reload once more.")
        try:
            if edges.engine is not None:
                edges.engine.reload(edges.settings.container)
        except EngineError as error:
            log.debug("%s", error)

    return reload
