"""From a plan to a llama-swap that serves it: drain -> write -> apply -> verify, else the previous bytes
are back.

Guaranteed: no answer is cut as long as SYNC_DRAIN_TIMEOUT allows; a config that llama-swap refuses does not
stay; a rollout is never overtaken by another (the store's lock is held throughout); one that a kill
interrupts is finished or undone by the next; a change that can't be applied now is applied later without
help. Not guaranteed: that a request which arrives in the milliseconds between drain and write is waited
for; and that llama-swap serves throughout a refusal: with SYNC_APPLY=restart it is down until the previous
bytes are back.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from llama_swap_sync.apply import edit
from llama_swap_sync.apply import record as records
from llama_swap_sync.apply.attempts import Attempts
from llama_swap_sync.apply.clock import Clock
from llama_swap_sync.apply.edges import Edges
from llama_swap_sync.apply.engine import Engine
from llama_swap_sync.apply.llama_swap import LlamaSwap
from llama_swap_sync.apply.outcome import Kind, Outcome
from llama_swap_sync.apply.proposal import NewEntry, Propose, Rollable
from llama_swap_sync.apply.record import Record, Step
from llama_swap_sync.apply.steps import finish
from llama_swap_sync.config.store import Store
from llama_swap_sync.settings import Settings
from llama_swap_sync.state import State

__all__ = ["Kind", "NewEntry", "Outcome", "Propose", "Rollable", "resume", "roll_out"]

log = logging.getLogger(__name__)


def roll_out(
    propose: Propose,
    *,
    store: Store,
    engine: Engine | None,
    llama_swap: LlamaSwap | None,
    state: State,
    settings: Settings,
    clock: Clock,
    hand_over: bool = False,
) -> Outcome:
    """Finishes what an earlier run left, then rolls out what `propose` plans; logs what stands.

    `engine` None: Docker is not asked (SYNC_APPLY=none or watch can do without); `llama_swap` None: no
    draining, and only the container tells whether it went well. `hand_over`: the next run without it applies
    what this one writes. Raises Locked, StoreError, and what
    `propose` raises.
    """
    edges = Edges(store, engine, llama_swap, state, settings, clock, hand_over)
    with store.lock():
        unfinished = _resume(edges)
        attempts = Attempts(edges, propose)
        outcome = attempts.run(unfinished)
        if outcome.kind is Kind.NOTHING and unfinished is None and attempts.unchanged:
            outcome = _with_edit(outcome, edit.take_up(edges, *attempts.unchanged))
        elif outcome.kind in (Kind.APPLIED, Kind.REFUSED):
            edit.remember(edges, edges.store.read().data)
        _say(edges, outcome)
    return outcome


def _with_edit(outcome: Outcome, edited: Outcome) -> Outcome:
    return outcome if edited.kind is Kind.NOTHING else replace(edited, refused=outcome.refused)


def resume(
    *,
    store: Store,
    engine: Engine | None,
    llama_swap: LlamaSwap | None,
    state: State,
    settings: Settings,
    clock: Clock,
) -> Outcome | None:
    """Finishes or undoes the rollout that a kill interrupted, or that had to wait; None when there is none.

    `roll_out` does the same first. Raises Locked, StoreError.
    """
    edges = Edges(store, engine, llama_swap, state, settings, clock)
    with store.lock():
        outcome = _resume(edges)
        if outcome is not None:
            _say(edges, outcome)
    return outcome


def _say(edges: Edges, outcome: Outcome) -> None:
    """What stands, in the log; once, where it is owed for the same reason as before.

    What does not stand is the caller's to say: the loop tries for days, and names a problem once.
    """
    if not outcome.sentence or outcome.exit_code:
        return
    owed = records.load(edges.state)
    if owed is None or edges.hand_over:
        log.info("%s", outcome.sentence)
        return
    log.log(logging.DEBUG if owed.said == outcome.sentence else logging.WARNING, "%s", outcome.sentence)
    records.save(edges.state, replace(owed, said=outcome.sentence))


def _resume(edges: Edges) -> Outcome | None:
    mended = edges.store.repair()
    if mended:
        log.warning("%s", mended)
    record = records.load(edges.state)
    if record is None:
        return None
    record = _still_ours(record, edges.store.read().data)
    if record is None:
        records.forget(edges.state)
        return None
    return finish(edges, record)


def _still_ours(record: Record, data: bytes) -> Record | None:
    """`record` in the light of what is in the file now; None when its write never happened."""
    if record.step is Step.WRITE:
        return replace(record, step=Step.APPLY) if record.holds(data) else None
    expected = data == record.before if record.step in (Step.REAPPLY, Step.REVERIFY) else record.holds(data)
    if expected or (record.step is Step.UNDO and data == record.before):
        return record
    # Somebody saved the file since. It is theirs now: it may have to be applied, but there is no way back
    # from it.
    return replace(
        record, step=Step.APPLY, before=data, after=records.digest(data), listed=frozenset(), entries=()
    )
