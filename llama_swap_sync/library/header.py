"""What a GGUF header tells about its file, as a value that can be kept from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

Scalar = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a header that tells what a file is for.

    `extent` is the size in bytes that the file must have, so far as ggml's types are known. `vision_width`
    and `audio_width` are what a projector puts out, None when it doesn't say. Texts are one line each.
    """

    architecture: str
    type: str
    name: str
    file_type: int | None
    context_length: int | None
    embedding_length: int | None
    pooling_type: int | None
    split_no: int
    split_count: int
    tensors: int
    extent: int
    big_endian: bool
    vision_width: int | None
    audio_width: int | None
    modalities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file has no header to go by. `incomplete`: it may yet become a model by growing."""

    reason: str
    incomplete: bool = False


def header_of(
    values: Mapping[str, Scalar], tensors: int, extent: int, big_endian: bool, mlp_width: int | None
) -> Header:
    """What the keys `values` say. Keys of a wrong type count as absent, as do sizes that are not positive."""
    architecture = _text(values, "general.architecture")
    vision_width = _positive(values, "clip.vision.projection_dim")
    # LLaVA's first converters wrote CLIP's own 768 there (janhq/jan#2391); llama-server goes by the tensor.
    return Header(
        architecture=architecture,
        type=_text(values, "general.type"),
        name=_text(values, "general.name"),
        file_type=_number(values, "general.file_type"),
        context_length=_positive(values, f"{architecture}.context_length"),
        embedding_length=_positive(values, f"{architecture}.embedding_length"),
        pooling_type=_number(values, f"{architecture}.pooling_type"),
        split_no=_number(values, "split.no") or 0,
        split_count=_number(values, "split.count") or 0,
        tensors=tensors,
        extent=extent,
        big_endian=big_endian,
        vision_width=mlp_width if vision_width and mlp_width else vision_width,
        audio_width=_positive(values, "clip.audio.projection_dim"),
        modalities=_modalities(values),
    )


def _modalities(values: Mapping[str, Scalar]) -> tuple[str, ...]:
    """What a projector is for: by its flags, else by its widths, else images, as the first ones were."""
    flags = {"audio": "clip.has_audio_encoder", "image": "clip.has_vision_encoder"}
    stated = tuple(modality for modality, key in flags.items() if values.get(key) is True)
    if stated:
        return stated
    widths = {"audio": "clip.audio.projection_dim", "image": "clip.vision.projection_dim"}
    return tuple(modality for modality, key in widths.items() if key in values) or ("image",)


def _text(values: Mapping[str, Scalar], key: str) -> str:
    value = values.get(key, "")
    return value if isinstance(value, str) else ""


def _number(values: Mapping[str, Scalar], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _positive(values: Mapping[str, Scalar], key: str) -> int | None:
    number = _number(values, key)
    return number if number and number > 0 else None


def kept(header: Header | Refusal) -> dict[str, Any]:
    """`header` as JSON can hold it, for `restored`."""
    return asdict(header)


def restored(value: object) -> Header | Refusal | None:
    """What `kept` was given; None for anything that it can't have made."""
    if not isinstance(value, dict):
        return None
    for form in (Header, Refusal):
        types = {field.name: _TYPES[str(field.type)] for field in fields(form)}
        if value.keys() == types.keys() and all(isinstance(value[name], types[name]) for name in types):
            return form(**{name: _as_kept(value[name]) for name in types})
    return None


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "int | None": (int, type(None)),
    "tuple[str, ...]": (list, tuple),
}


def _as_kept(value: Any) -> Any:
    return tuple(str(part) for part in value) if isinstance(value, list | tuple) else value
