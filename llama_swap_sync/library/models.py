"""From the files on disk to the models that llama-server can load."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from llama_swap_sync.library import classify, names, projectors
from llama_swap_sync.library.ggml_types import FILE_TYPES
from llama_swap_sync.library.header import Header, Refusal
from llama_swap_sync.library.model import Kind, LeftOut, Library, Model, Projector
from llama_swap_sync.library.parts import File, Unit, put_together
from llama_swap_sync.library.scan import Look, Stamp

__all__ = ["HeaderSource", "Kind", "LeftOut", "Library", "Model", "Projector", "understand"]


class HeaderSource(Protocol):
    """Where headers come from; `cache.Headers` is the one for files. Raises nothing."""

    def header(self, models_dir: Path, path: str, stamp: Stamp) -> Header | Refusal: ...


def understand(models_dir: Path, look: Look, headers: HeaderSource) -> Library:
    """Every whole model of `look`, once however many links lead to it, and all the rest with its reason.

    The same look and headers give the same library. Raises nothing.
    """
    if look.problem is not None:
        return Library(problem=look.problem)
    files = [
        File(path, stamp, headers.header(models_dir, path, stamp))
        for path, stamp in sorted(look.files.items())
    ]
    candidates, poor = _candidates(file for file in files if classify.is_projector(file.path, file.header))
    units, left_out = put_together(
        file for file in files if not classify.is_projector(file.path, file.header)
    )
    candidates = projectors.owned(candidates, [(unit.path, unit.header.embedding_length) for unit in units])
    models = sorted(
        (_model(same, candidates) for same in _grouped(units, look.links)), key=lambda model: model.path
    )
    named = [
        *look.left_out,
        *left_out,
        *poor,
        *(_projector_named(candidate, models) for candidate in candidates),
    ]
    return Library(tuple(models), tuple(sorted(named, key=lambda item: (item.path, item.reason))))


def _candidates(files: Iterable[File]) -> tuple[list[projectors.Candidate], list[LeftOut]]:
    candidates, left_out = [], []
    for file in files:
        refused = classify.left_out(file.path, file.header, file.size)
        if refused is not None:
            left_out.append(refused)
        elif isinstance(file.header, Header):
            widths = {file.header.vision_width, file.header.audio_width} - {None}
            candidates.append(
                projectors.Candidate(
                    file.path,
                    file.size,
                    frozenset(width for width in widths if width is not None),
                    frozenset(file.header.modalities),
                )
            )
    return candidates, left_out


def _grouped(units: Iterable[Unit], links: frozenset[str]) -> list[list[Unit]]:
    """Units of the same files on disk together; first the one to go by: no link, least deep, by name."""
    groups: dict[tuple[Stamp, ...], list[Unit]] = {}
    for unit in units:
        groups.setdefault(unit.stamps, []).append(unit)
    for group in groups.values():
        group.sort(key=lambda unit: (unit.path in links, unit.path.count("/"), unit.path))
    return list(groups.values())


def _model(same: list[Unit], candidates: Iterable[projectors.Candidate]) -> Model:
    unit, header = same[0], same[0].header
    kind = classify.kind(header)
    return Model(
        path=unit.path,
        files=tuple(file.path for file in unit.files),
        size=sum(file.size for file in unit.files),
        kind=kind,
        architecture=header.architecture,
        name=header.name,
        quantisation=_quantisation(unit),
        context_length=header.context_length,
        embedding_length=header.embedding_length,
        projector=_projector(same, candidates) if kind is Kind.CHAT else None,
        other_paths=tuple(other.path for other in same[1:]),
    )


def _projector(same: list[Unit], candidates: Iterable[projectors.Candidate]) -> Projector | None:
    for unit in same:
        chosen = projectors.choose(unit.path, unit.header.embedding_length, candidates)
        if chosen is not None:
            return Projector(chosen.path, chosen.modalities)
    return None


def _quantisation(unit: Unit) -> str:
    stated = names.quantisation(unit.path)
    if stated or unit.header.file_type is None:
        return stated
    return FILE_TYPES.get(unit.header.file_type, "")


def _projector_named(candidate: projectors.Candidate, models: Iterable[Model]) -> LeftOut:
    """What became of a projector: worth a line where there are models for it, and all go without."""
    folder = projectors.folder_of(candidate.path)
    near = [model for model in models if model.kind is Kind.CHAT and projectors.is_within(model.path, folder)]
    served = any(model.projector and projectors.folder_of(model.projector.path) == folder for model in near)
    if served or not near:
        return LeftOut(candidate.path, "a projector, for models beside or below it", "left out", quiet=True)
    return LeftOut(candidate.path, projectors.misfit(candidate), "left out")
