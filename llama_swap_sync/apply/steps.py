"""The steps once the file is written: apply -> verify, else previous bytes back -> apply -> verify.

Each step looks at the world first and does only what is still to be done, so it may be run again after a
kill. The record on disk names the next step; it goes away when llama-swap serves the new bytes, or has the
previous ones back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from llama_swap_sync.apply import record as records
from llama_swap_sync.apply.edges import Edges
from llama_swap_sync.apply.outcome import Kind, Outcome
from llama_swap_sync.apply.record import Record, Step
from llama_swap_sync.apply.target import Target, Way
from llama_swap_sync.apply.telling import already_told, comes_back, tell, verdict_on, was_seen
from llama_swap_sync.apply.verify import Result, Verdict
from llama_swap_sync.config.store import Changed

log = logging.getLogger(__name__)

# An owed apply is tried again this soon, and a container that was not there is looked for this often.
RETRY_SECONDS = 30.0
ABSENT_SECONDS = 300.0


def finish(edges: Edges, record: Record) -> Outcome:
    """Runs `record` to its end, or to where it has to wait for someone. Raises StoreError."""
    while True:
        records.save(edges.state, record)
        if edges.hand_over:
            return Outcome(Kind.WRITTEN, "config.yaml is written.", retry_after=ABSENT_SECONDS)
        result = _STEPS[record.step](edges, record)
        if isinstance(result, Outcome):
            return result
        record = result


def _apply(edges: Edges, record: Record) -> Record | Outcome:
    target = edges.look()
    container = target.container
    if container is not None and container.has_read_since(record.started_at, record.since):
        # By a restart of ours before a kill, or by somebody else's.
        return replace(record, step=Step.VERIFY, restarts=container.restarts)
    if target.way is Way.NOTHING:
        return _nothing_to_apply_to(edges, target)
    if already_told(edges, record, target):
        kept = container.restarts if container is not None and target.way is Way.SIGNAL else 0
        return replace(record, step=Step.VERIFY, restarts=kept)
    if target.way is Way.WAIT:
        well = container is None or container.running
        waiting = replace(record, restarts=container.restarts if container and well else None)
        return (
            _untold(edges, waiting, target.blocked) if target.blocked else replace(waiting, step=Step.VERIFY)
        )
    told, why_not = tell(edges, record, target)
    return _untold(edges, told, why_not) if why_not else replace(told, step=Step.VERIFY)


def _verify(edges: Edges, record: Record) -> Record | Outcome:
    if edges.engine is None and edges.llama_swap is None:
        records.forget(edges.state)
        return Outcome(
            Kind.WRITTEN, "config.yaml is written; neither Docker nor LLAMA_SWAP_URL is there to apply it."
        )
    target = edges.look()
    verdict = verdict_on(edges, record, target, record.listed)
    if verdict.result is Result.FAILED:
        log.warning("llama-swap does not serve the new config.yaml: %s.", verdict.reason)
        return replace(
            record, step=Step.UNDO, reason=verdict.reason, evident=verdict.evident, serving=verdict.serving
        )
    if verdict.result is Result.UNKNOWN:
        return _pending(
            f"config.yaml is written, but nobody can be asked whether it is served. {verdict.reason}"
        )
    return _served(edges, record, verdict)


def _undo(edges: Edges, record: Record) -> Record | Outcome:
    """The previous bytes, exactly. What somebody else has saved meanwhile is theirs and stays."""
    if record.serving:
        edges.drain()
    snapshot = edges.store.read()
    if record.holds(snapshot.data):
        try:
            edges.store.write(snapshot, record.before, backup=False)
        except Changed:
            return record
    elif snapshot.data != record.before:
        records.forget(edges.state)
        return _overtaken(record)
    # Looked at after the write: a start in between may have read the refused bytes.
    started_at = edges.look().started_at
    return replace(record, step=Step.REAPPLY, started_at=started_at, since=edges.clock.now(), asked_at=0.0)


def _reapply(edges: Edges, record: Record) -> Record | Outcome:
    onward = replace(record, step=Step.REVERIFY)
    came_back = record.evident and not record.serving and comes_back(edges, record)
    target = edges.look()
    container = target.container
    if record.evident and record.serving:
        # Refused at a reload: it has kept the previous config all along, another reload would only stop its
        # models.
        return onward
    if container is not None and (came_back or container.has_read_since(record.started_at, record.since)):
        return replace(onward, restarts=container.restarts)
    ended = container is not None and container.status in ("exited", "dead") and record.served is not None
    if already_told(edges, record, target):
        return replace(onward, restarts=0)
    if ended or target.way in (Way.SIGNAL, Way.RESTART):
        # One that ended on our config and that nobody starts again is ours to start, whatever SYNC_APPLY
        # says.
        told, why_not = tell(edges, record, replace(target, way=Way.RESTART) if ended else target)
        return _not_back(record, why_not) if why_not else replace(told, step=Step.REVERIFY)
    if target.blocked:
        return _not_back(record, target.blocked)
    return replace(onward, restarts=None)


def _reverify(edges: Edges, record: Record) -> Record | Outcome:
    expected = record.served or frozenset()
    target = edges.look()
    if target.way is Way.NOTHING and not (target.container and target.container.running):
        verdict = Verdict(Result.FAILED, target.note or target.blocked or "it is not running")
    else:
        verdict = verdict_on(edges, record, target, expected)
    if verdict.result is Result.UNKNOWN:
        return _not_back(record, verdict.reason)
    records.forget(edges.state)
    if verdict.result is Result.FAILED:
        return _broken(edges, record, verdict)
    edges.set_profile(record.profile)
    return Outcome(
        Kind.REFUSED,
        f"llama-swap did not take the new config.yaml ({record.reason}); the previous one is back and"
        " served.",
        record=record,
    )


_STEPS: dict[Step, Callable[[Edges, Record], Record | Outcome]] = {
    Step.APPLY: _apply,
    Step.VERIFY: _verify,
    Step.UNDO: _undo,
    Step.REAPPLY: _reapply,
    Step.REVERIFY: _reverify,
}


def _untold(edges: Edges, record: Record, why: str) -> Outcome:
    records.save(edges.state, record)
    if was_seen(edges, record):
        return _served(edges, record, Verdict(Result.SERVED))
    return _pending(f"config.yaml is written, but llama-swap could not be told. {why}")


def _not_back(record: Record, why: str) -> Outcome:
    return _pending(f"The previous config.yaml is back ({record.reason}), but not served yet. {why}")


def _overtaken(record: Record) -> Outcome:
    return Outcome(
        Kind.REFUSED,
        f"llama-swap did not take the new config.yaml ({record.reason}), and somebody has saved another one"
        " meanwhile: that one stays as it is.",
        retry_after=RETRY_SECONDS,
        record=replace(record, fingerprint=""),
    )


def _served(edges: Edges, record: Record, verdict: Verdict) -> Outcome:
    edges.set_profile(record.profile)
    records.forget(edges.state)
    if verdict.reason:
        sentence = f"config.yaml is applied and llama-swap runs, but it could not be asked. {verdict.reason}"
    else:
        sentence = "llama-swap serves the new config.yaml."
    return Outcome(Kind.APPLIED, sentence)


def _broken(edges: Edges, record: Record, verdict: Verdict) -> Outcome:
    return Outcome(
        Kind.BROKEN,
        f"llama-swap does not serve {edges.settings.config} as it was before this run either"
        f" ({verdict.reason}): it is left as you wrote it. Mend it; what is new is added after that.",
        retry_after=ABSENT_SECONDS,
        record=record,
    )


def _nothing_to_apply_to(edges: Edges, target: Target) -> Outcome:
    if target.blocked:
        return _pending(f"config.yaml is written, but not served yet. {target.blocked}")
    if edges.settings.apply == "none" or not target.note:
        records.forget(edges.state)
        return Outcome(Kind.WRITTEN, "config.yaml is written; nothing is applied (SYNC_APPLY=none).")
    return Outcome(
        Kind.WRITTEN,
        f"config.yaml is written; it takes effect when llama-swap starts. {target.note}",
        retry_after=ABSENT_SECONDS,
    )


def _pending(sentence: str) -> Outcome:
    return Outcome(Kind.PENDING, sentence, retry_after=RETRY_SECONDS)
