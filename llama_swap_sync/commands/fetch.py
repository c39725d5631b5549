"""`llama-swap-sync fetch`: what the loop starts beside its looks: declared models, updates."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from llama_swap_sync.commands import hub as shared
from llama_swap_sync.errors import SyncError
from llama_swap_sync.hub import checksum, declared, model, updates
from llama_swap_sync.hub.declared import Record
from llama_swap_sync.hub.download import Downloads
from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.model import Wanted
from llama_swap_sync.hub.references import parse
from llama_swap_sync.settings import Settings
from llama_swap_sync.state import State

_LOG = logging.getLogger(__name__)
UPDATES = "updates"
SCHEDULE = "update-schedule"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a person, or a test, may want now instead of on schedule."""
    parser.add_argument(
        "--updates",
        choices=("off", "check", "apply"),
        help="look for updates now; without it, as SYNC_UPDATES says, when the schedule has come round",
    )


def run(settings: Settings, args: argparse.Namespace) -> int:
    """0 when every declared model is there and nothing failed; else 1, 2 or 3: the loop asks again."""
    try:
        return _fetched(settings, args)
    except SyncError as error:
        # Into the log, in the format of its other lines: nobody sits in front of this command.
        _LOG.warning("%s", error)
        return error.exit_code


def _fetched(settings: Settings, args: argparse.Namespace) -> int:
    state = State.beside(settings.config)
    if settings.models:
        _check_mounted(settings.models_dir, declared.read(state.read(declared.STATE)))
    work = shared.downloads(settings, shared.connect(settings), settings.models_dir)
    work.staging.clean(parse(text).repo for text in settings.models)
    failed = _Declared(settings, work, state).fetch()
    mode = args.updates or (settings.updates if _is_due(state) else "off")
    if mode != "off":
        failed += _update(work, state, apply=mode == "apply")
    return shared.exit_code(failed)


def _check_mounted(models_dir: Path, records: declared.Records) -> None:
    """Raises DownloadFailed for a share that is gone: what lies under its mount point must not fill up."""
    if not models_dir.is_dir():
        raise DownloadFailed(f"{models_dir} is missing; mount it or make it: declared models wait")
    if any(record.files for record in records.values()) and not any(models_dir.iterdir()):
        raise DownloadFailed(
            f"{models_dir} is empty, though models were downloaded there: is its share mounted? If it was"
            " emptied on purpose, put any file there, or use `download` once"
        )


@dataclass
class _Declared:
    """The models of SYNC_MODELS, one at a time, the largest last; one that fails does not stop the others."""

    settings: Settings
    work: Downloads
    state: State
    now: Callable[[], float] = time.time
    records: dict[str, Record] = field(default_factory=dict)

    def fetch(self) -> list[SyncError]:
        self.records = declared.read(self.state.read(declared.STATE))
        self._say_taken_out()
        absent = [text for text in self.settings.models if not self._record(text).is_there(self._exists)]
        due = [text for text in absent if self._record(text).is_due(self.now())]
        failed: list[SyncError] = [
            DownloadFailed(f"{text} is tried again later") for text in absent if text not in due
        ]
        wanted: dict[str, Wanted] = {}
        for text in due:
            failed += self._attempt(text, partial(self._find, text, wanted))
        sizes = {text: found.size for text, found in wanted.items()}
        for text in declared.largest_last(sizes, due):
            failed += self._attempt(text, partial(self._bring, text, wanted[text]))
        self._keep()
        return failed

    def _attempt(self, text: str, deed: Callable[[], None]) -> list[SyncError]:
        try:
            deed()
        except SyncError as error:
            record = self._record(text).failed(self.now())
            self.records[text] = record
            self._keep()
            _LOG.warning("%s; %s is tried again later, other models go on", error, text)
            return [error]
        return []

    def _find(self, text: str, wanted: dict[str, Wanted]) -> None:
        wanted[text] = model.find(self.work.hub, parse(text), self.work.patience, self.work.sleep)
        for note in wanted[text].selection.notes:
            _LOG.info(note)

    def _bring(self, text: str, wanted: Wanted) -> None:
        for order in wanted.orders:
            self.work.carry_out(order)
        self.records[text] = Record(wanted.paths)
        self._keep()

    def _say_taken_out(self) -> None:
        for text in declared.taken_out(self.records, self.settings.models):
            _LOG.info(
                "%s was taken out of SYNC_MODELS; its files stay, remove them by hand if you like", text
            )
            del self.records[text]

    def _exists(self, path: str) -> bool:
        place = self.work.root / path
        return place.exists() and checksum.beside(place).exists()

    def _record(self, text: str) -> Record:
        return self.records.get(text, Record())

    def _keep(self) -> None:
        self.state.write(declared.STATE, declared.as_dict(self.records))


def _is_due(state: State) -> bool:
    """Whether the schedule has come round since the last check. The loop keeps when it rang."""
    rung = _moment(state.read(SCHEDULE), "rung_at")
    checked = _moment(state.read(UPDATES), "checked_at")
    return rung is not None and (checked is None or checked < rung)


def _moment(value: dict[str, Any] | None, name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str((value or {})[name]))
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _update(work: Downloads, state: State, *, apply: bool) -> list[SyncError]:
    """Looks for updates, and fetches them when `apply`; `updates` in the state says what is pending.

    The check stays due (no `checked_at`) while the Hub can't be asked or a download failed.
    """
    found = updates.find(work.hub, shared.downloaded(work.root))
    for problem in found.problems:
        _LOG.warning("%s", problem)
    failed = list(shared.carry_out(work, [update.order for update in found.updates])) if apply else []
    pending = [str(update) for update in found.updates if not apply or _is_pending(work, update)]
    for line in [] if apply else pending:
        _LOG.info("%s; fetch it with `update`, or set SYNC_UPDATES=apply", line)
    failed += [error for error in found.failures if error.passing]
    value: dict[str, Any] = {"pending": pending, "problems": list(found.problems)}
    if not any(isinstance(error, DownloadFailed) for error in failed):
        value["checked_at"] = datetime.now().astimezone().isoformat()
    state.write(UPDATES, value)
    return failed


def _is_pending(work: Downloads, update: updates.Update) -> bool:
    try:
        return bool(work.missing(replace(update.order, files=update.outdated)))
    except SyncError:
        return True
