"""One pass through the house: look, understand, plan, roll out, remember.

`library -> config -> apply`, once. `commands/sync.py` runs it for a person, `commands/unattended_pass.py` for
the loop. When nothing changed since a pass that left nothing to do, it ends after the look, before YAML is
loaded.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from llama_swap_sync.errors import SyncError
from llama_swap_sync.library.scan import Look, look
from llama_swap_sync.memory import Gone, fingerprint
from llama_swap_sync.settings import Secret, Settings
from llama_swap_sync.state import State

if TYPE_CHECKING:
    from llama_swap_sync.apply.llama_swap import LlamaSwap
    from llama_swap_sync.apply.rollout import Outcome
    from llama_swap_sync.config.plan import Plan
    from llama_swap_sync.config.snapshot import Snapshot
    from llama_swap_sync.config.store import Store
    from llama_swap_sync.library.models import Library

_log = logging.getLogger(__name__)

_NOTHING = "Nothing to do."
_EFFECTS = {
    "restart": "Container {container} would be restarted.",
    "reload": "Container {container} would reload its config.",
    "watch": "llama-swap would see the new file by itself.",
    "none": "Nothing would be restarted.",
}


@dataclass(frozen=True)
class Report:
    """How a pass ended. `look_again_at`: the wall clock's second at which waiting alone changes the plan."""

    ok: bool
    summary: str
    problem: str = ""
    look_again_at: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class House:
    """What one pass works with: the settings, the config's folder and state, the wall clock."""

    settings: Settings
    state: State
    now: Callable[[], float]
    unattended: bool = False

    @classmethod
    def of(cls, settings: Settings, now: Callable[[], float], *, unattended: bool = False) -> House:
        """The real one. Nothing is opened before it is asked."""
        return cls(settings, State.beside(settings.config), now, unattended)

    @cached_property
    def store(self) -> Store:
        """The config file; an idle pass does without it, and without loading its rooms."""
        from llama_swap_sync.config.store import open_store

        return open_store(self.settings)


def synchronise(house: House, leave_out: frozenset[str] = frozenset(), *, hand_over: bool = False) -> Report:
    """One pass; `leave_out` are files that somebody is still writing. `hand_over`: the next pass applies it.

    Raises SyncError for what a person must mend first (the file is not YAML, the folder can't be written,
    another run holds the lock). What llama-swap refuses is no exception but a report that is not ok.
    """
    seen = _without(look(house.settings.models_dir, house.settings.exclude), leave_out)
    if idle := _idle(house, seen):
        return idle
    library = _understood(house, seen)
    if library.problem is not None:
        return Report(ok=False, summary="The models directory can't be used.", problem=library.problem)
    proposals = _Proposals(house, library, Gone.remembered(house.state.read("gone")))
    outcome = _rolled_out(house, proposals, hand_over=hand_over)
    return _remembered(house, seen, proposals, outcome)


def _idle(house: House, seen: Look) -> Report | None:
    """The report of a pass that has nothing to do; None when that can't be told without a plan."""
    known = (house.state.read("idle") or {}).get("fingerprint")
    if known is None:
        return None
    try:
        found = fingerprint(house.settings.config.read_bytes(), seen.fingerprint(), house.settings)
    except OSError:
        return None
    if found != known:
        return None
    _log.debug("Nothing has changed since the last pass.")
    return Report(ok=True, summary=_NOTHING, fingerprint=found)


def preview(house: House) -> str:
    """What `synchronise` would do, as text: the diff, the refusals, the apply. Writes nothing at all.

    Raises SyncError as a pass does, and where the models directory can't be used.
    """
    from llama_swap_sync.library.cache import Headers
    from llama_swap_sync.library.models import understand

    seen = look(house.settings.models_dir, house.settings.exclude)
    library = understand(house.settings.models_dir, seen, Headers())
    if library.problem is not None:
        raise SyncError(library.problem)
    _, plan = _Proposals(house, library, Gone({}))(frozenset())
    effect = f"{house.settings.config}: nothing to do."
    if plan.changed:
        effect = _EFFECTS[house.settings.apply].format(container=house.settings.container)
    return plan.diff(str(house.settings.config)) + f"{effect}\n"


def planned(
    settings: Settings,
    data: bytes,
    library: Library,
    gone_for_good: Callable[[str], bool],
    *,
    refused: frozenset[str] = frozenset(),
) -> Plan:
    """The plan for the config file's bytes and the library, with the disk asked what is there.

    Raises ConfigError.
    """
    from llama_swap_sync.config.document import Document
    from llama_swap_sync.config.plan import plan

    return plan(
        Document.parse(data, str(settings.config)),
        library,
        settings,
        exists=lambda path: exists(settings.models_dir / path),
        refused=refused,
        gone_for_good=gone_for_good,
    )


@dataclass
class _Proposals:
    """Reads the file anew and plans each time it is asked; keeps the last plan for the report."""

    house: House
    library: Library
    gone: Gone
    last: Plan | None = field(default=None)

    def __call__(self, refused: frozenset[str]) -> tuple[Snapshot, Plan]:
        snapshot = self.house.store.read()
        made = planned(self.house.settings, snapshot.data, self.library, self._gone_for_good, refused=refused)
        if self.last is None:
            for line in (*made.warnings, *(refusal.sentence for refusal in made.refusals)):
                _log.warning(line)
        self.last = made
        return snapshot, made

    def _gone_for_good(self, path: str) -> bool:
        if not self.house.unattended:
            return True
        return self.gone.for_good(path, self.house.now(), self.house.settings.prune_grace)


def _without(seen: Look, leave_out: frozenset[str]) -> Look:
    if not leave_out:
        return seen
    return replace(seen, files={path: stamp for path, stamp in seen.files.items() if path not in leave_out})


def _understood(house: House, seen: Look) -> Library:
    from llama_swap_sync.library.cache import Headers
    from llama_swap_sync.library.models import understand

    headers = Headers(house.state)
    library = understand(house.settings.models_dir, seen, headers)
    if library.problem is None:
        headers.save()
        _name_left_out(house, library)
        if not library.models:
            _log.info(
                "No models yet: put .gguf files into %s, and each gets an entry.", house.settings.models_dir
            )
    return library


def _name_left_out(house: House, library: Library) -> None:
    """Each file that is left out in one line with its reason; in the loop only once for the same reason."""
    named = {f"{item.path}: {item.reason}" for item in library.left_out if not item.quiet}
    said = set((house.state.read("left-out") or {}).get("said", ())) if house.unattended else set()
    for line in sorted(named - said):
        _log.warning("Left out: %s.", line.rstrip("."))
    for item in library.left_out:
        if item.quiet:
            _log.debug("No model of its own: %s: %s.", item.path, item.reason)
    if named != said and house.unattended:
        house.state.write("left-out", {"said": sorted(named)})


def _rolled_out(house: House, proposals: _Proposals, *, hand_over: bool) -> Outcome:
    from llama_swap_sync.apply.clock import SystemClock
    from llama_swap_sync.apply.engine import connect
    from llama_swap_sync.apply.rollout import roll_out

    settings = house.settings
    return roll_out(
        proposals,
        store=house.store,
        engine=None if hand_over or settings.apply == "none" else connect(settings.docker_host),
        llama_swap=_llama_swap(house),
        state=house.state,
        settings=settings,
        clock=SystemClock(),
        hand_over=hand_over,
    )


def _llama_swap(house: House) -> LlamaSwap | None:
    """llama-swap's HTTP face; its key from the settings, else the first that the config itself allows."""
    if not house.settings.url:
        return None
    from llama_swap_sync.apply.llama_swap import HttpLlamaSwap

    return HttpLlamaSwap(house.settings.url, house.settings.api_key or _key_of_the_config(house))


def _key_of_the_config(house: House) -> Secret | None:
    from llama_swap_sync.config.document import Document

    keys = Document.parse(house.store.read().data, str(house.settings.config)).api_keys
    return Secret(keys[0]) if keys else None


def _remembered(house: House, seen: Look, proposals: _Proposals, outcome: Outcome) -> Report:
    """Keeps what the next pass needs; says when waiting alone will change the plan."""
    now, settings = house.now(), house.settings
    stale = [entry.path for entry in proposals.last.stale] if proposals.last and settings.prune else []
    gone = proposals.gone.observed(stale, now)
    if gone != proposals.gone:
        house.state.write("gone", {"since": dict(gone.since)})
    due = gone.next_due(now, settings.prune_grace) if house.unattended else None
    retry = None if outcome.retry_after is None else now + outcome.retry_after
    again = min((moment for moment in (due, retry) if moment is not None), default=None)
    data = house.store.read().data
    found = fingerprint(data, seen.fingerprint(), settings)
    ok = outcome.exit_code == 0
    # What a person saved or deleted while the change was verified has not been planned with yet.
    was_planned = proposals.last is None or data == proposals.last.after
    if ok and again is None and was_planned:
        house.state.write("idle", {"fingerprint": found})
    summary = outcome.sentence or _NOTHING
    return Report(ok, summary, "" if ok else summary, again, found)


def exists(path: Path) -> bool:
    """Whether something lies at `path`; true also when that can't be told (a share that answers with EIO)."""
    try:
        os.stat(path)  # noqa: PTH116 - Path.exists takes some errors for absence
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True
