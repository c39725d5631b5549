"""Overwriting a file that can't be replaced (a single bind-mounted file), with a journal to undo it.

Guaranteed: the file is never empty on the way, a full disk shows before the first old byte is touched, and a
write that was killed is undone at the next start, from the journal alone.
Not guaranteed: that a reader in between sees the old or the new text (it may see both mixed); nor a repair
when the journal is gone, as it is when a container is made anew whose state folder is on no volume.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from llama_swap_sync.files import Files, sync_file, write_all
from llama_swap_sync.state import State


@dataclass(frozen=True, slots=True)
class Intent:
    """What an overwrite is about to do, in whole texts: nothing else is needed to undo it."""

    old: bytes
    new: bytes

    def record(self) -> dict[str, str]:
        """As JSON keeps it: each text in base64 with its SHA-256."""
        return {
            "old": base64.b64encode(self.old).decode(),
            "old_sha256": hashlib.sha256(self.old).hexdigest(),
            "new": base64.b64encode(self.new).decode(),
            "new_sha256": hashlib.sha256(self.new).hexdigest(),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any] | None) -> Intent | None:
        """None when there is no record, or one whose hashes don't fit."""
        try:
            intent = cls(*(base64.b64decode(record[key]) for key in ("old", "new"))) if record else None
        except (KeyError, TypeError, ValueError):
            return None
        return intent if intent and intent.record() == record else None

    def is_halfway(self, seen: bytes) -> bool:
        """Whether `seen` can be what a killed overwrite left, and not what a person saved afterwards.

        Every byte is the old one or the new one of its place, or zero: after a power cut XFS fills with zeros
        what it had not written.
        """
        within = min(len(self.old), len(self.new)) <= len(seen) <= max(len(self.old), len(self.new))
        places = zip_longest(seen, self.old[: len(seen)], self.new[: len(seen)])
        return within and all(here in (before, after, 0) for here, before, after in places)


class Journal:
    """The intent of an overwrite, kept in the state folder from before its first byte to after its last."""

    def __init__(self, state: State, config: Path) -> None:
        self._state = state
        self._name = f"{config.name}.in-place"

    def open(self, intent: Intent, mode: int) -> bool:
        """False when it can't be kept: then overwrite nothing. `mode` is the config's: it may hold keys."""
        return self._state.write(self._name, intent.record(), mode=mode)

    def pending(self) -> Intent | None:
        return Intent.from_record(self._state.read(self._name))

    def close(self) -> None:
        self._state.forget(self._name)


def overwrite(files: Files, path: Path, old: bytes, new: bytes) -> None:
    """Puts `new` where `old` is, from the first difference on. Raises OSError, with the file half done.

    What makes the file longer comes first and is synced: a full disk fails while every old byte is in place.
    What makes it shorter comes last: the file is never shorter than the shorter of both.
    """
    start = _common_start(old, new)
    descriptor = files.open_for_update(path)
    try:
        if len(new) > len(old):
            write_all(files, descriptor, new[len(old) :], len(old))
            sync_file(files, descriptor)
        write_all(files, descriptor, new[start : len(old)], start)
        if len(new) < len(old):
            files.truncate(descriptor, len(new))
        sync_file(files, descriptor)
    finally:
        files.close(descriptor)


def _common_start(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    longest = min(len(one), len(other))
    return bisect_left(range(longest), True, key=lambda end: one[: end + 1] != other[: end + 1])
