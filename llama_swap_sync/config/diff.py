"""Two versions of a file as a unified diff, quick for long files: what both begin and end with is skipped."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_CONTEXT = 3
_HUNK = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def unified(before: bytes, after: bytes, name: str) -> str:
    """The diff that `diff -u` would print, with `name` for both sides; empty when they are equal."""
    if before == after:
        return ""
    old, new = _lines(before), _lines(after)
    head = max(0, _common(old, new) - _CONTEXT)
    tail = _common(old[head:][::-1], new[head:][::-1])
    tail = max(0, tail - _CONTEXT)
    hunks = difflib.unified_diff(
        old[head : len(old) - tail], new[head : len(new) - tail], name, name, n=_CONTEXT
    )
    return "".join(_ended(_shifted(line, head)) for line in hunks)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8-sig", "replace").splitlines(keepends=True)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    for index, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return index
    return min(len(old), len(new))


def _shifted(line: str, skipped: int) -> str:
    def numbers(found: re.Match[str]) -> str:
        return f"@@ -{int(found[1]) + skipped}{found[2] or ''} +{int(found[3]) + skipped}{found[4] or ''} @@"

    return _HUNK.sub(numbers, line)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
