"""A person has edited config.yaml: llama-swap takes it up, drained first, or keeps what it has.

State `taken-up` = {digest} or {refused, reason}: the SHA-256 of the file that llama-swap serves as far as is
known, or of an edit that it refused. Guaranteed: a bad edit stops nothing, and is not blamed on a change of
ours that comes with it. SIGHUP is used whatever SYNC_APPLY
says, because *measured*: a reload of a bad config keeps the old one; a restart would end in a restart loop.
"""

from __future__ import annotations

import logging

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.edges import Edges
from llama_swap_sync.apply.engine import EngineError
from llama_swap_sync.apply.outcome import Kind, Outcome
from llama_swap_sync.apply.record import digest
from llama_swap_sync.apply.steps import RETRY_SECONDS
from llama_swap_sync.apply.verify import Expectation, Result, verify
from llama_swap_sync.config.snapshot import Snapshot

log = logging.getLogger(__name__)

_NAME = "taken-up"
_UNCHANGED = Outcome(Kind.NOTHING, "")


def remember(edges: Edges, data: bytes) -> None:
    """llama-swap serves `data`, as far as is known."""
    if (edges.state.read(_NAME) or {}) != {"digest": digest(data)}:
        edges.state.write(_NAME, {"digest": digest(data)})


def in_the_way(edges: Edges, snapshot: Snapshot) -> Outcome | None:
    """That llama-swap refuses the file as a person has edited it: nothing may be added to it then. Under the
    lock.

    Asked by a reload of the edit alone, before our own change: a restart with both would end in a restart
    loop. None: it takes the edit, there is none, or nobody can tell. One that watches the file has said so in
    its log (`Edges.standing_refusal`). Raises nothing.
    """
    known = edges.state.read(_NAME)
    if not known or known.get("digest") == digest(snapshot.data):
        return None
    container = edges.look().container
    if container is None or not container.running or container.watches_config:
        return None
    outcome = take_up(edges, snapshot, frozenset())
    if outcome.kind is Kind.APPLIED:
        log.info("%s", outcome.sentence)
    return outcome if outcome.kind is Kind.BROKEN else None


def take_up(edges: Edges, snapshot: Snapshot, listed: frozenset[str]) -> Outcome:
    """Makes llama-swap read the file, if a person has changed it since it was last taken up. Under the lock.

    `listed` are the IDs that the file should make llama-swap list. Raises nothing.
    """
    known = edges.state.read(_NAME) or {}
    edited = digest(snapshot.data)
    if known.get("refused") == edited and not _serves_since(edges, snapshot):
        return _refused(edges, str(known.get("reason")))
    if edges.settings.apply not in ("restart", "reload") or known.get("digest") == edited:
        return _UNCHANGED
    container = edges.look().container if known else None
    if known and (container is None or not container.running):
        # It reads the file when it starts.
        return _UNCHANGED
    if container is None or container.has_read_since(None, _saved_at(snapshot)):
        remember(edges, snapshot.data)
        return _UNCHANGED
    return _reloaded(edges, container, snapshot, listed)


def _serves_since(edges: Edges, snapshot: Snapshot) -> bool:
    """Whether a llama-swap that was started after the file was saved serves it: a newer one may take it."""
    container = edges.look().container
    started = container is not None and container.has_read_since(None, _saved_at(snapshot))
    return started and edges.serving()[0] is not None


def _saved_at(snapshot: Snapshot) -> float:
    return snapshot.stamp[1] / 1e9 if snapshot.stamp else 0.0


def _reloaded(edges: Edges, container: ContainerState, snapshot: Snapshot, listed: frozenset[str]) -> Outcome:
    served, profile = edges.serving()
    since = _saved_at(snapshot)
    if not container.watches_config:
        since = edges.clock.now()
        log.info("%s was edited; llama-swap is asked to read it.", edges.settings.config)
        edges.drain()
        try:
            if edges.engine is not None:
                edges.engine.reload(edges.settings.container)
        except EngineError as error:
            return Outcome(Kind.PENDING, f"Your edit is not served yet. {error}", retry_after=RETRY_SECONDS)
    expected = Expectation(
        ids=listed,
        name=edges.settings.container,
        since=since,
        timeout=edges.settings.verify_timeout,
        restarts=container.restarts,
        served_before=served is not None,
        in_process=True,
    )
    verdict = verify(expected, edges.engine, edges.llama_swap, edges.clock)
    if verdict.result is Result.UNKNOWN:
        sentence = f"Your edit is not known to be served. {verdict.reason}"
        return Outcome(Kind.PENDING, sentence, retry_after=RETRY_SECONDS)
    edges.set_profile(profile)
    if verdict.result is Result.SERVED:
        remember(edges, snapshot.data)
        return Outcome(Kind.APPLIED, f"llama-swap serves {edges.settings.config} as you edited it.")
    edges.state.write(_NAME, {"refused": digest(snapshot.data), "reason": verdict.reason})
    return _refused(edges, verdict.reason)


def _refused(edges: Edges, reason: str) -> Outcome:
    return Outcome(
        Kind.BROKEN,
        f"llama-swap does not take {edges.settings.config} as you edited it ({reason}); it goes on with the"
        " one before. Your edit stays: mend it, and it is tried again.",
        tried_before=True,
    )
