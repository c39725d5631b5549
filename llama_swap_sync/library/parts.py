"""Files put together: a file of its own is a unit, a whole set of shards is one, whatever lacks is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from llama_swap_sync.library import classify, names
from llama_swap_sync.library.header import Header, Refusal
from llama_swap_sync.library.model import LeftOut
from llama_swap_sync.library.scan import Stamp

_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class File:
    """One `*.gguf` file and what its header says."""

    path: str
    stamp: Stamp
    header: Header | Refusal

    @property
    def size(self) -> int:
        return self.stamp[0]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one `-m` loads: a whole file, or all shards of a set in order. `header` is the first one's."""

    files: tuple[File, ...]
    header: Header

    @property
    def path(self) -> str:
        return self.files[0].path

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        return tuple(file.stamp for file in self.files)


def put_together(files: Iterable[File]) -> tuple[list[Unit], list[LeftOut]]:
    """The units that `files` make, and every file or set that makes none."""
    units: list[Unit] = []
    left_out: list[LeftOut] = []
    sets: dict[tuple[str, int], dict[int, File]] = {}
    for file in files:
        shard = names.shard(file.path)
        if shard is not None:
            sets.setdefault((shard.prefix, shard.count), {})[shard.number] = file
        else:
            _sort_in(_single(file), units, left_out)
    for (prefix, count), shards in sets.items():
        _sort_in(_set(names.Shard(prefix, 1, count), shards), units, left_out)
    return units, left_out


def _sort_in(result: Unit | LeftOut, units: list[Unit], left_out: list[LeftOut]) -> None:
    if isinstance(result, Unit):
        units.append(result)
    else:
        left_out.append(result)


def _single(file: File) -> Unit | LeftOut:
    refused = classify.left_out(file.path, file.header, file.size)
    if refused is not None or isinstance(file.header, Refusal):
        return refused or LeftOut(file.path, "has no header", "refused")
    if file.header.split_count > 1:
        number, count = file.header.split_no + 1, file.header.split_count
        reason = (
            f"shard {number} of {count} by its header, but not by its name: llama-server wants it to end in"
            f" -{number:05d}-of-{count:05d}.gguf"
        )
        return LeftOut(file.path, reason, "refused")
    return Unit((file,), file.header)


def _set(first: names.Shard, shards: Mapping[int, File]) -> Unit | LeftOut:
    """The set whose first shard is `first`: named once, by that path, whatever is wrong with it."""
    missing = [number for number in range(1, first.count + 1) if number not in shards]
    if missing:
        draft = names.is_draft(first.sibling(1))
        reason = f"{_numbered(missing)} of {first.count} {'is' if len(missing) == 1 else 'are'} missing"
        return LeftOut(first.sibling(1), reason, "incomplete", quiet=draft)
    files = tuple(shards[number] for number in range(1, first.count + 1))
    for number, file in enumerate(files, start=1):
        refused = _shard_refusal(file, first, number)
        if refused is not None:
            return refused
    header = files[0].header
    assert isinstance(header, Header)  # a refusal was returned above
    return Unit(files, header)


def _shard_refusal(file: File, first: names.Shard, number: int) -> LeftOut | None:
    refused = classify.left_out(file.path, file.header, file.size)
    where = first.sibling(1)
    if refused is not None:
        of_shard = refused.reason if refused.quiet else f"shard {number} of {first.count}: {refused.reason}"
        return LeftOut(where, of_shard, refused.state, refused.quiet)
    assert isinstance(file.header, Header)  # `left_out` names every refusal
    stated = (file.header.split_no + 1, file.header.split_count)
    if stated != (number, first.count):
        told = f"shard {stated[0]} of {stated[1]}" if stated[1] else "no shard at all"
        return LeftOut(
            where, f"shard {number} of {first.count} by its name is {told} by its header", "refused"
        )
    if file.path != first.sibling(number):
        return LeftOut(
            where, f"llama-server looks for {first.sibling(number)}: rename {file.path}", "refused"
        )
    return None


def _numbered(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"shard {numbers[0]}"
    named = ", ".join(str(number) for number in numbers[:_MOST_NAMED])
    more = len(numbers) - _MOST_NAMED
    return f"shards {named} and {more} more" if more > 0 else f"shards {named}"
