"""Reads a GGUF header in milliseconds and a few hundred kilobytes, however large or hostile the file.

The format (ggml's docs/gguf.md), all numbers in the file's own byte order:

    "GGUF"  version u32  tensors u64  keys u64
    keys    x (text, type u32, value)        text = length u64, bytes
    tensors x (text, dimensions u32, sizes u64 x dimensions, type u32, offset u64)
    padding to `general.alignment`, then the tensors' data

Not guaranteed: that llama.cpp loads what is accepted here. Everything refused here, it refuses too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import prod
from typing import Final

from llama_swap_sync.library.ggml_types import BLOCKS, REMOVED
from llama_swap_sync.library.header import Header, Refusal, Scalar, header_of
from llama_swap_sync.library.window import CutOffError, DamagedError, Window

# Real headers have some 60 keys and, before experts were merged into one tensor, a few thousand tensors.
MOST_KEYS: Final = 16_384
MOST_TENSORS: Final = 16_384
LONGEST_KEY: Final = 65_535
LONGEST_TENSOR_NAME: Final = 1_024
LONGEST_VALUE: Final = 4_096
MOST_DIMENSIONS: Final = 4
LARGEST_FILE: Final = 1 << 50

_TEXT, _ARRAY = 8, 9
_FORMS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

_WANTED: Final = frozenset(
    {
        "general.architecture",
        "general.type",
        "general.name",
        "general.file_type",
        "general.alignment",
        "split.no",
        "split.count",
        "clip.has_vision_encoder",
        "clip.has_audio_encoder",
        "clip.vision.projection_dim",
        "clip.audio.projection_dim",
    }
)
# Under the architecture's own name, which need not stand before them.
_WANTED_ENDINGS: Final = (".context_length", ".embedding_length", ".pooling_type")

_CUT_OFF: Final = Refusal(
    "it ends within its own header: still being copied, or the copy broke off", incomplete=True
)
_FOREIGN_STARTS: Final = (
    (b"\0", "begins with zeros: nothing has been written there yet, or the disk lost it"),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`",
    ),
    (b"<", "a web page, not a model: the download was refused or needs a login"),
    (b"PK\3\4", "a zip archive, not a GGUF file"),
    (b"lmgg", "in GGML's format of before GGUF, which llama-server no longer reads"),
    (b"fmgg", "in GGML's format of before GGUF, which llama-server no longer reads"),
    (b"tjgg", "in GGML's format of before GGUF, which llama-server no longer reads"),
)


def read_header(read: Callable[[int, int], bytes], size: int) -> Header | Refusal:
    """The header of a file of `size` bytes, whose bytes `read(length, offset)` hands out.

    Guaranteed for any bytes: an answer, in bounded time and memory. Raises nothing but what `read` raises.
    """
    if size == 0:
        return Refusal("empty", incomplete=True)
    start = read(min(24, size), 0)
    if not start.startswith(b"GGUF"):
        return _foreign(start)
    try:
        return _Reader(read, size, _byte_order(start)).header()
    except CutOffError:
        return _CUT_OFF
    except DamagedError as damage:
        return Refusal(str(damage))


def _foreign(start: bytes) -> Refusal:
    if b"GGUF".startswith(start):
        return _CUT_OFF
    for beginning, reason in _FOREIGN_STARTS:
        if start.startswith(beginning):
            return Refusal(reason, incomplete=beginning == b"\0")
    return Refusal("not a GGUF file, going by its first bytes")


def _byte_order(start: bytes) -> str:
    """`<` or `>`, by which of them makes the version a small number."""
    if len(start) < 8:
        raise CutOffError
    for order in "<>":
        (version,) = struct.unpack_from(order + "I", start, 4)
        if version in (2, 3):
            return order
    (version,) = struct.unpack_from("<I", start, 4)
    if version == 1:
        raise DamagedError("in version 1 of GGUF, which llama-server no longer reads")
    raise DamagedError(f"claims version {version} of GGUF: damaged, or newer than this program")


class _Reader:
    """One pass over one header."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, order: str) -> None:
        self._window = Window(read, size, order)
        self._order = order
        self._forms = {number: struct.Struct(order + form) for number, form in _FORMS.items()}
        self._u32 = struct.Struct(order + "I")
        self._array = struct.Struct(order + "IQ")
        self._shapes = [struct.Struct(f"{order}{count}QIQ") for count in range(MOST_DIMENSIONS + 1)]
        self._mlp_width: int | None = None

    def header(self) -> Header:
        _, _, tensors, keys = self._window.unpack(struct.Struct(self._order + "4sIQQ"))
        if keys > MOST_KEYS:
            raise DamagedError(f"its header claims {keys} keys")
        if tensors > MOST_TENSORS:
            raise DamagedError(f"its header claims {tensors} tensors")
        values = self._keys(keys)
        extent = self._extent(tensors, _alignment(values))
        return header_of(values, tensors, extent, self._order == ">", self._mlp_width)

    def _keys(self, count: int) -> dict[str, Scalar]:
        values: dict[str, Scalar] = {}
        for _ in range(count):
            length = self._window.text_length()
            if length > LONGEST_KEY:
                raise DamagedError(f"a key in its header claims {length} bytes")
            key = self._window.take(length).decode("utf-8", "replace")
            (kind,) = self._window.unpack(self._u32)
            if key in _WANTED or key.endswith(_WANTED_ENDINGS):
                value = self._value(kind)
                if value is not None:
                    values[key] = value
            else:
                self._skip_value(kind)
        return values

    def _value(self, kind: int) -> Scalar | None:
        """A scalar, or a text short enough to be a name; None for anything else, which is skipped."""
        if kind in self._forms:
            return self._window.unpack(self._forms[kind])[0]
        if kind != _TEXT:
            self._skip_value(kind)
            return None
        length = self._window.text_length()
        text = self._window.take(min(length, LONGEST_VALUE)).decode("utf-8", "replace")
        self._window.skip(max(length - LONGEST_VALUE, 0))
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())

    def _skip_value(self, kind: int) -> None:
        if kind in self._forms:
            self._window.skip(self._forms[kind].size)
        elif kind == _TEXT:
            self._window.skip(self._window.text_length())
        elif kind == _ARRAY:
            inner, count = self._window.unpack(self._array)
            if inner == _TEXT:
                self._window.skip_texts(count)
            elif inner in self._forms:
                self._skip_numbers(count, self._forms[inner].size)
            else:
                raise DamagedError(f"an array in its header holds values of unknown type {inner}")
        else:
            raise DamagedError(f"its header holds a value of unknown type {kind}")

    def _skip_numbers(self, count: int, size: int) -> None:
        if count * size > LARGEST_FILE:
            raise DamagedError(f"an array in its header claims {count} values")
        self._window.skip(count * size)

    def _extent(self, count: int, alignment: int) -> int:
        """The size that the file must have for all of its tensors to be in it.

        Offsets must follow on each other, as ggml demands; past a tensor of unknown type that can't be told.
        """
        expected: int | None = 0
        end = 0
        for _ in range(count):
            kind, offset, sizes = self._tensor()
            length = _tensor_length(kind, sizes)
            if expected is not None and offset != expected:
                raise DamagedError("its tensors overlap or leave holes")
            end = max(end, offset + (length or 0))
            known = expected is not None and length is not None
            expected = _padded(offset + (length or 0), alignment) if known else None
        if end > LARGEST_FILE:
            raise DamagedError(f"its tensors claim {end} bytes")
        return _padded(self._window.position, alignment) + end if end else self._window.position

    def _tensor(self) -> tuple[int, int, tuple[int, ...]]:
        length = self._window.text_length()
        if length > LONGEST_TENSOR_NAME:
            raise DamagedError(f"a tensor's name claims {length} bytes")
        name = self._window.take(length)
        (dimensions,) = self._window.unpack(self._u32)
        if dimensions > MOST_DIMENSIONS:
            raise DamagedError(f"a tensor claims {dimensions} dimensions")
        *sizes, kind, offset = self._window.unpack(self._shapes[dimensions])
        if name == b"mm.2.weight" and dimensions == 2:
            self._mlp_width = sizes[1]
        return kind, offset, tuple(sizes)


def _tensor_length(kind: int, sizes: tuple[int, ...]) -> int | None:
    """Bytes of a tensor; None when its type is unknown. Raises DamagedError for what llama.cpp refuses."""
    if kind in REMOVED:
        wanted = REMOVED[kind].rsplit("_", 2)[0] if kind > 5 else "Q4_0"
        raise DamagedError(
            f"its tensors are {REMOVED[kind]}, which llama.cpp no longer reads: use {wanted} instead"
        )
    if kind not in BLOCKS:
        return None
    elements, bytes_per_block = BLOCKS[kind]
    if sizes and sizes[0] % elements:
        raise DamagedError(f"a tensor's rows of {sizes[0]} don't divide into its type's blocks of {elements}")
    return prod(sizes) // elements * bytes_per_block


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _alignment(values: dict[str, Scalar]) -> int:
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise DamagedError(f"its header asks for an alignment of {alignment}")
    return alignment
