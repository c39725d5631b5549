"""Generated IDs: one for each path, the same on every machine, never longer than allowed, never taken by
another.

    author/repo/model-Q4_K_M.gguf   ->  author--repo--model-Q4_K_M
    too long                        ->  author--<20 characters of repo>--model-Q4_K_M
    still too long                  ->  author--model-Q4_K_M--<8 digits>, author and model cut where needed
    taken by something else         ->  the ID above with 8 digits

The digits are the first of the path's SHA-256, so they depend on nothing but the path.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container

_MIDDLE = 20
_DIGITS = 8
_SEPARATOR = "--"
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_SUFFIX = re.compile(r"\.gguf$", re.IGNORECASE)


def generated_id(path: str, longest: int) -> str:
    """The ID of a model file (of a shard set: its first file), at most `longest` characters (16 or more)."""
    parts = _parts(path)
    whole = _SEPARATOR.join(parts)
    if len(whole) <= longest:
        return whole
    if len(parts) > 2:
        middle = _SEPARATOR.join(parts[1:-1])[:_MIDDLE]
        shorter = _SEPARATOR.join((parts[0], middle, parts[-1]))
        if len(shorter) <= longest:
            return shorter
    return _with_digits(path, parts, longest, _DIGITS)


def free_id(path: str, longest: int, taken: Container[str]) -> str:
    """The generated ID, with digits when `taken` has it: never an ID of something else."""
    plain = generated_id(path, longest)
    if plain not in taken:
        return plain
    for digits in range(_DIGITS, min(longest, 64) + 1):
        longer = f"{plain}{_SEPARATOR}{_digest(path)[:digits]}"
        candidate = longer if len(longer) <= longest else _with_digits(path, _parts(path), longest, digits)
        if candidate not in taken:
            return candidate
    raise AssertionError(f"every ID for {path!r} is taken")  # 2^64 others would have to be there


def _parts(path: str) -> list[str]:
    return _SHARD.sub("", _SUFFIX.sub("", path)).split("/")


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()


def _with_digits(path: str, parts: list[str], longest: int, digits: int) -> str:
    """Author, variant, digits. The variant has most of the room and keeps its end, the quantisation."""
    digest = _digest(path)[:digits]
    room = longest - len(digest) - 2 * len(_SEPARATOR)
    if len(parts) == 1 or room < 4:
        return f"{parts[-1][-(longest - len(digest) - len(_SEPARATOR)) :]}{_SEPARATOR}{digest}"[-longest:]
    author = parts[0][: max(room // 3, room - len(parts[-1]))]
    variant = parts[-1][-(room - len(author)) :]
    return _SEPARATOR.join((author, variant, digest))
