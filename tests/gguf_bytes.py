"""GGUF files made by hand, byte for byte, for what no writer would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = bool | int | float | str | Sequence[str]

# Name, sizes, type, offset (None: right behind the one before). F32, 64 elements.
Tensor = tuple[str, tuple[int, ...], int, int | None]
ONE_TENSOR: Sequence[Tensor] = (("token_embd.weight", (64,), 0, None),)


def text(value: str | bytes, order: str = "<") -> bytes:
    """A text with its length in front."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(f"{order}Q", len(data)) + data


def value(content: Value, order: str = "<") -> bytes:
    """A value with its type in front."""
    if isinstance(content, bool):
        return struct.pack(f"{order}I?", 7, content)
    if isinstance(content, int):
        return struct.pack(f"{order}II", 4, content)
    if isinstance(content, float):
        return struct.pack(f"{order}If", 6, content)
    if isinstance(content, str):
        return struct.pack(f"{order}I", 8) + text(content, order)
    items = b"".join(text(item, order) for item in content)
    return struct.pack(f"{order}IIQ", 9, 8, len(content)) + items


def file_bytes(
    keys: Mapping[str, Value],
    tensors: Sequence[Tensor] = ONE_TENSOR,
    *,
    version: int = 3,
    order: str = "<",
    raw: bytes = b"",
    raw_keys: int = 0,
) -> bytes:
    """A whole file: header, padding, zeros for the data of F32 tensors. `raw` stands behind the keys."""
    pairs = b"".join(text(key, order) + value(content, order) for key, content in keys.items())
    table, offset = b"", 0
    for name, sizes, kind, stated in tensors:
        where = offset if stated is None else stated
        table += text(name, order) + struct.pack(f"{order}I", len(sizes))
        table += struct.pack(f"{order}{len(sizes)}QIQ", *sizes, kind, where)
        elements = 1
        for size in sizes:
            elements *= size
        offset += -(-elements * 4 // 32) * 32
    counts = struct.pack(f"{order}IQQ", version, len(tensors), len(keys) + raw_keys)
    header = b"GGUF" + counts + pairs + raw + table
    return header + b"\0" * (-len(header) % 32) + b"\0" * min(offset, 1 << 20)


def model_bytes(architecture: str = "llama", *, width: int = 64, context: int = 4096, **more: Value) -> bytes:
    """A whole text model by its header; keys of `more` have `__` for each dot."""
    keys: dict[str, Value] = {
        "general.architecture": architecture,
        f"{architecture}.context_length": context,
        f"{architecture}.embedding_length": width,
        **{key.replace("__", "."): content for key, content in more.items()},
    }
    return file_bytes(keys)


def projector_bytes(width: int | None = 64, **more: Value) -> bytes:
    """A whole projector by its header, `width` wide; None: it doesn't say."""
    stated: dict[str, Value] = {} if width is None else {"clip.vision.projection_dim": width}
    keys: dict[str, Value] = {"general.architecture": "clip", "clip.has_vision_encoder": True, **stated}
    return file_bytes({**keys, **{key.replace("__", "."): content for key, content in more.items()}})


def shard_bytes(number: int, count: int, architecture: str = "llama") -> bytes:
    """Shard `number` (from 1) of `count`, as llama-gguf-split writes it: only the first knows what it is."""
    split: dict[str, Value] = {"split.no": number - 1, "split.count": count}
    first: dict[str, Value] = {
        "general.architecture": architecture,
        f"{architecture}.context_length": 4096,
        f"{architecture}.embedding_length": 64,
    }
    return file_bytes({**first, **split} if number == 1 else split)


def lay(root: Path, files: Mapping[str, bytes]) -> Path:
    """Writes `files` by their paths below `root`, with the folders that they need."""
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root
