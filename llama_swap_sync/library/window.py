"""A bounded window that moves forward over a file, for reading a header without reading the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import repeat
from operator import length_hint
from typing import Final

WINDOW: Final = 256 * 1024

# No text of a header is near this long, not even a chat template; a claim beyond it is damage, not a cut.
LONGEST_TEXT: Final = 64 * 1024 * 1024

# The largest vocabulary in the field (262,144 tokens) carries 514,906 merges.
MOST_TEXTS: Final = 4_000_000

# Tokens and merges average six to ten bytes, those of a vocabulary of Chinese characters alone three. Texts
# of next to no bytes are how a small file would keep us busy.
LEAST_MEAN_TEXT: Final = 2


class DamagedError(ValueError):
    """The bytes contradict the format. The text says how, as the end of a sentence about the file."""


class CutOffError(EOFError):
    """The file ends before what it announces."""


class Window:
    """Reads forward through the `size` bytes that `read(length, offset)` hands out, `WINDOW` at a time."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, order: str) -> None:
        self._read = read
        self._size = size
        self._start = 0
        self._at = 0
        self._bytes = b""
        self._length_at = struct.Struct(order + "Q").unpack_from

    @property
    def position(self) -> int:
        """Offset in the file of the next byte."""
        return self._start + self._at

    def skip(self, length: int) -> None:
        """Moves on without reading. Raises CutOffError beyond the end of the file."""
        if length > self._size - self.position:
            raise CutOffError
        self._at += length

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        """The next values of `form`. Raises CutOffError."""
        if self._at + form.size > len(self._bytes):
            self._refill(form.size)
        values = form.unpack_from(self._bytes, self._at)
        self._at += form.size
        return values

    def take(self, length: int) -> bytes:
        """The next `length` bytes, which the caller has bounded. Raises CutOffError."""
        if self._at + length > len(self._bytes):
            self._refill(length)
        self._at += length
        return self._bytes[self._at - length : self._at]

    def text_length(self) -> int:
        """The length in front of a text. Raises DamagedError where none can be that long."""
        if self._at + 8 > len(self._bytes):
            self._refill(8)
        length: int = self._length_at(self._bytes, self._at)[0]
        if length > LONGEST_TEXT:
            raise DamagedError(f"a text in its header claims {length} bytes")
        self._at += 8
        return length

    def skip_texts(self, count: int) -> None:
        """Moves on over `count` texts with their lengths in front. Raises CutOffError, DamagedError.

        Vocabularies are most of a header, so its time goes here: nothing is copied, and the end of the window
        is noticed by the read that fails, not by a comparison for each text.
        """
        if count > MOST_TEXTS:
            raise DamagedError(f"an array in its header claims {count} texts")
        passed, begin = 0, self.position
        while passed < count:
            self._refill(8)
            in_window, at = self._pass_texts(count - passed)
            passed += in_window
            if at - len(self._bytes) > LONGEST_TEXT:
                raise DamagedError("a text in its header claims more bytes than any text has")
            self.skip(at)
            if WINDOW < self.position - begin < passed * (8 + LEAST_MEAN_TEXT):
                raise DamagedError("a vocabulary in its header is made of empty texts")

    def _pass_texts(self, count: int) -> tuple[int, int]:
        """How many of `count` texts begin in a window that starts with one, and where the next one begins."""
        window, length_at, first, at = self._bytes, self._length_at, 0, 0
        fours = repeat(None, count // 4)
        try:
            for _ in fours:  # by fours: a fifth less time than one by one
                first = at
                at += 8 + length_at(window, at)[0]
                at += 8 + length_at(window, at)[0]
                at += 8 + length_at(window, at)[0]
                at += 8 + length_at(window, at)[0]
            passed = count // 4 * 4
        except (struct.error, OverflowError):
            passed, at = (count // 4 - length_hint(fours) - 1) * 4, first
        while passed < count and at <= len(window) - 8:
            at += 8 + length_at(window, at)[0]
            passed += 1
        return passed, at

    def _refill(self, needed: int) -> None:
        """Makes the window begin at the current position and hold at least `needed` bytes."""
        self._start, self._at = self.position, 0
        length = min(max(needed, WINDOW), self._size - self._start)
        if length < needed:
            raise CutOffError
        self._bytes = self._read(length, self._start)
        if len(self._bytes) < needed:
            raise CutOffError
