"""The library as a person or a program reads it: a table of at most 80 columns, or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.library.model import LeftOut, Library, Model

WIDTH: Final = 80
_GAP: Final = "  "
_HEADINGS: Final = ("MODEL", "KIND", "QUANT", "SIZE", "CONTEXT", "STATE")
_NARROWEST_MODEL: Final = 24


@dataclass(frozen=True, slots=True)
class Row:
    """One model with the IDs that serve it, or the ID that a new entry would get."""

    model: Model
    ids: tuple[str, ...]
    served: bool

    @property
    def state(self) -> str:
        return "served" if self.served else "new"


def rows(library: Library, served: Mapping[str, Sequence[str]], new_ids: Mapping[str, str]) -> list[Row]:
    """The models of `library` by path. Both mappings go by a model's path; one in neither has no ID."""
    made = []
    for model in library.models:
        ids = tuple(served.get(model.path, ()))
        new = (new_ids[model.path],) if model.path in new_ids else ()
        made.append(Row(model, ids or new, bool(ids)))
    return made


def table(
    library: Library,
    served: Mapping[str, Sequence[str]],
    new_ids: Mapping[str, str],
    *,
    everything: bool = False,
) -> str:
    """What a terminal shows; no line is longer than `WIDTH`, and no name is cut short.

    `everything`: also the files that are as they should be and still no models of their own.
    """
    if library.problem is not None:
        return "".join(f"{line}\n" for line in _wrapped(library.problem, ""))
    lines: list[str] = []
    made = rows(library, served, new_ids)
    if made:
        lines += _models(made)
    else:
        lines.append("No models yet.")
    named = [item for item in library.left_out if everything or not item.quiet]
    if named:
        lines += ["", "Left out:"]
        for item in named:
            lines += _wrapped(f"{item.path}: {item.reason}", "  ")
    hidden = len(library.left_out) - len(named)
    if hidden:
        lines += ["", f"Not shown: {hidden} that {'is' if hidden == 1 else 'are'} no model (-v names them)."]
    return "".join(f"{line}\n" for line in lines)


def as_json(
    library: Library, served: Mapping[str, Sequence[str]], new_ids: Mapping[str, str]
) -> dict[str, Any]:
    """The same for programs: every field of every model, and everything that is left out."""
    return {
        "problem": library.problem,
        "models": [_model_json(row) for row in rows(library, served, new_ids)],
        "left_out": [_left_out_json(item) for item in library.left_out],
    }


def _models(made: Sequence[Row]) -> list[str]:
    cells = [_HEADINGS, *(_cells(row) for row in made)]
    widths = [max(columns(line[column]) for line in cells) for column in range(1, len(_HEADINGS))]
    room = max(WIDTH - sum(widths) - len(_GAP) * len(widths), _NARROWEST_MODEL)
    room = min(room, max(columns(line[0]) for line in cells))
    lines: list[str] = []
    for row, line in zip((None, *made), cells, strict=True):
        lines += _line(line, room, widths)
        if row is not None:
            lines += [part for detail in _details(row) for part in _wrapped(detail, "  ")]
    return lines


def _line(cells: Sequence[str], room: int, widths: Sequence[int]) -> list[str]:
    """The cells beside each other; a path too long for its column stands on lines of its own above them."""
    rest = _GAP.join(
        cell.rjust(width) if heading in ("SIZE", "CONTEXT") else cell.ljust(width)
        for cell, width, heading in zip(cells[1:], widths, _HEADINGS[1:], strict=True)
    )
    blanks = room - columns(cells[0])
    if blanks >= 0:
        return [f"{cells[0]}{' ' * blanks}{_GAP}{rest}".rstrip()]
    return [*_wrapped(cells[0], ""), f"{' ' * room}{_GAP}{rest}".rstrip()]


def _cells(row: Row) -> tuple[str, ...]:
    model = row.model
    context = str(model.context_length) if model.context_length else "-"
    return (model.path, str(model.kind), model.quantisation or "-", of_bytes(model.size), context, row.state)


def _details(row: Row) -> list[str]:
    model = row.model
    details = [f"{'served as' if row.served else 'will be'} {', '.join(row.ids)}" if row.ids else "no ID"]
    details[0] += f"; {model.architecture}"
    if len(model.files) > 1:
        details[0] += f", {len(model.files)} shards"
    if model.projector is not None:
        details.append(f"{' and '.join(sorted(model.projector.modalities))} by {model.projector.path}")
    details += [f"also at {path}" for path in model.other_paths]
    return details


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: two for each wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        2 if east_asian_width(character) in "WF" else category(character) not in ("Mn", "Me", "Cf")
        for character in text
    )


def _wrapped(text: str, indent: str) -> list[str]:
    """`text` in lines of at most `WIDTH`, broken at blanks, or within a name that is longer than a line."""
    from textwrap import wrap

    # `wrap` counts characters: behind a wide one stands a filler, which no path can hold.
    filled = "".join(f"{character}\0" if columns(character) == 2 else character for character in text)
    width = WIDTH if filled == text else WIDTH - 1  # a line may break before a filler
    lines = wrap(
        filled, width, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
    return [line.replace("\0", "") for line in lines] or [""]


def _model_json(row: Row) -> dict[str, Any]:
    model = row.model
    projector = model.projector
    return {
        "path": model.path,
        "files": list(model.files),
        "other_paths": list(model.other_paths),
        "size": model.size,
        "kind": str(model.kind),
        "architecture": model.architecture,
        "name": model.name,
        "quantisation": model.quantisation,
        "context_length": model.context_length,
        "embedding_length": model.embedding_length,
        "projector": None
        if projector is None
        else {"path": projector.path, "modalities": sorted(projector.modalities)},
        "ids": list(row.ids),
        "state": row.state,
    }


def _left_out_json(item: LeftOut) -> dict[str, Any]:
    return {"path": item.path, "state": item.state, "reason": item.reason, "expected": item.quiet}
