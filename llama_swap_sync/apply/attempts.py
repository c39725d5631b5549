"""Which plans are tried: not those that were refused before, and fewer entries when some of them are to
blame."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from llama_swap_sync.apply import edit
from llama_swap_sync.apply import record as records
from llama_swap_sync.apply import refused as refusals
from llama_swap_sync.apply.bisect import Search, named_in
from llama_swap_sync.apply.edges import Edges
from llama_swap_sync.apply.outcome import Kind, Outcome
from llama_swap_sync.apply.proposal import NewEntry, Propose, Rollable
from llama_swap_sync.apply.record import Record, Step
from llama_swap_sync.apply.steps import ABSENT_SECONDS, RETRY_SECONDS, finish
from llama_swap_sync.config.snapshot import Snapshot
from llama_swap_sync.config.store import Changed, Written

log = logging.getLogger(__name__)

# Somebody who saves the file in the milliseconds between reading and writing does not do so five times in a
# row.
_TRIES = 5
_ENDED = frozenset({Kind.REFUSED, Kind.BROKEN})


class Attempts:
    """All that one call of `roll_out` tries, under the lock."""

    def __init__(self, edges: Edges, propose: Propose) -> None:
        self._edges = edges
        self._propose = propose
        self.unchanged: tuple[Snapshot, frozenset[str]] | None = None
        self._resumed = False
        self._refused = refusals.load(edges.state, edges.settings, edges.store.read().data)

    def run(self, unfinished: Outcome | None) -> Outcome:
        """The outcome of what is planned now; `unfinished` is how the rollout before ended, if one was
        left."""
        self._resumed = unfinished is not None
        if unfinished is not None and unfinished.kind in _ENDED:
            blamed = self._blame(unfinished)
            if blamed.kind in (Kind.PENDING, Kind.BROKEN):
                return blamed
        outcome = self._attempt(frozenset())
        if outcome.kind in _ENDED and not outcome.tried_before:
            outcome = self._blame(outcome)
        if outcome.kind is Kind.NOTHING and unfinished is not None:
            outcome = _still(unfinished)
        return self._naming_the_refused(outcome)

    def _attempt(self, leave_out: frozenset[str]) -> Outcome:
        """One rollout of what is planned without `leave_out` and without what was refused earlier."""
        for _ in range(_TRIES):
            snapshot, plan = self._propose(leave_out | frozenset(self._refused.models))
            if not plan.changed:
                self.unchanged = snapshot, plan.listed
                return Outcome(Kind.NOTHING, "")
            hindered = self._known(plan) or self._standing_refusal() or self._bad_edit(snapshot)
            if hindered is not None:
                return hindered
            self._edges.drain()
            record = self._recorded(plan)
            try:
                written = self._edges.store.write(snapshot, plan.after, backup=not leave_out)
            except Changed:
                log.info(
                    "%s was saved by somebody else meanwhile; planning again.", self._edges.settings.config
                )
                continue
            self._note(plan, written)
            return finish(self._edges, replace(record, step=Step.APPLY))
        raise Changed(self._edges.settings.config)

    def _note(self, plan: Rollable, written: Written) -> None:
        for change in plan.changes:
            log.info("%s", change.sentence)
        for doubt in written.doubts:
            log.warning("%s", doubt)
        # Our own write is no person's edit: what was refused stays refused.
        refusals.save(self._edges.state, self._refused, plan.after)

    def _known(self, plan: Rollable) -> Outcome | None:
        """What became of this very plan, where trying it again would only end the same way."""
        reason = self._refused.plans.get(plan.fingerprint)
        if reason is not None:
            return Outcome(
                Kind.REFUSED,
                f"llama-swap refused this change before ({reason}); it is tried again when the library,"
                " the file or the settings change.",
                tried_before=True,
            )
        reason = self._refused.broken.get(plan.fingerprint)
        if reason is None or self._is_well():
            return None
        return Outcome(
            Kind.BROKEN,
            f"llama-swap still does not serve {self._edges.settings.config} as you wrote it ({reason});"
            " mend it, what is new is added after that.",
            tried_before=True,
            retry_after=ABSENT_SECONDS,
        )

    def _standing_refusal(self) -> Outcome | None:
        reason = self._edges.standing_refusal()
        if reason is None:
            return None
        return Outcome(
            Kind.BROKEN,
            f"llama-swap refuses {self._edges.settings.config} as it stands and goes on with an older one"
            f" ({reason}): nothing was changed. Mend it; what is new is added after that.",
            tried_before=True,
            retry_after=RETRY_SECONDS,
        )

    def _bad_edit(self, snapshot: Snapshot) -> Outcome | None:
        # What an earlier rollout has written is no person's edit.
        return None if self._resumed else edit.in_the_way(self._edges, snapshot)

    def _is_well(self) -> bool:
        if self._edges.llama_swap is not None:
            return self._edges.llama_swap.healthy()
        container = self._edges.look().container
        return container is not None and container.running

    def _recorded(self, plan: Rollable) -> Record:
        """The intent, on disk. A rollout that is still owed is part of it: there was no verified file in
        between."""
        edges, owed = self._edges, records.load(self._edges.state)
        served, profile = edges.serving()
        entries = tuple(
            (change.id, change.model_path) for change in plan.changes if isinstance(change, NewEntry)
        )
        record = Record(
            step=Step.WRITE,
            before=plan.before if owed is None else owed.before,
            after=records.digest(plan.after),
            listed=plan.listed,
            fingerprint=plan.fingerprint,
            entries=entries + (() if owed is None else owed.entries),
            others=owed is not None or len(entries) < len(plan.changes),
            served=served if owed is None or owed.served is None else owed.served,
            profile=profile or ("" if owed is None else owed.profile),
            started_at=edges.look().started_at,
            since=edges.clock.now(),
        )
        records.save(edges.state, record)
        return record

    def _blame(self, outcome: Outcome) -> Outcome:
        """Remembers what was refused; where single entries are to blame, the others are rolled out without
        them."""
        record = outcome.record
        if record is None or not record.fingerprint:
            return outcome
        ids = {path: id for id, path in record.entries}
        named = named_in(record.reason, ids)
        if outcome.kind is Kind.BROKEN:
            return self._remembering(self._refused.with_broken(record.fingerprint, record.reason), outcome)
        if not ids or not (record.evident or 0 < len(named) < len(ids)):
            return self._remembering(self._refused.with_plan(record.fingerprint, record.reason), outcome)
        return self._search(Search.among(ids, named, others=record.others), ids, outcome)

    def _search(self, search: Search, ids: Mapping[str, str], first: Outcome) -> Outcome:
        last, reason = first, _reason(first)
        while (trial := search.trial()) is not None:
            log.info("Trying without %s.", ", ".join(id for path, id in ids.items() if path not in trial))
            last = self._attempt(frozenset(ids) - trial)
            if last.kind in (Kind.PENDING, Kind.BROKEN):
                return last
            refused = last.kind is Kind.REFUSED
            reason = _reason(last) or reason
            search = search.after(
                accepted=not refused, named=named_in(_reason(last), ids) if refused else frozenset()
            )
        if search.gave_up:
            _, plan = self._propose(frozenset(self._refused.models))
            return self._remembering(self._refused.with_plan(plan.fingerprint, _reason(first)), first)
        return self._without(search.found, ids, reason, first)

    def _without(
        self, found: tuple[str, ...], ids: Mapping[str, str], reason: str, first: Outcome
    ) -> Outcome:
        for path in found:
            self._refused = self._refused.with_model(path, reason, self._edges.settings.models_dir)
        culprits = ", ".join(f"{ids[path]} ({path})" for path in found)
        if len(found) == len(ids):
            sentence = (
                f"llama-swap refuses {culprits}: {reason}. The previous config.yaml is back and served."
            )
        else:
            sentence = f"llama-swap refuses {culprits}: {reason}. Everything else is served without it."
        return self._remembering(self._refused, replace(first, sentence=sentence))

    def _remembering(self, refused: refusals.Refused, outcome: Outcome) -> Outcome:
        self._refused = refused
        refusals.save(self._edges.state, refused, self._edges.store.read().data)
        return outcome

    def _naming_the_refused(self, outcome: Outcome) -> Outcome:
        models = self._refused.models
        if outcome.kind is Kind.NOTHING and models:
            named = "; ".join(f"{path} ({reason})" for path, reason in sorted(models.items()))
            return replace(
                outcome,
                refused=models,
                sentence=f"Still without an entry, as llama-swap refuses it: {named}.",
            )
        return replace(outcome, refused=models)


def _still(unfinished: Outcome) -> Outcome:
    """What an earlier rollout still owes, though nothing is new; that no container is there was said then."""
    if unfinished.kind is Kind.WRITTEN:
        return Outcome(Kind.NOTHING, "", retry_after=unfinished.retry_after)
    return unfinished


def _reason(outcome: Outcome) -> str:
    return "" if outcome.record is None else outcome.record.reason
