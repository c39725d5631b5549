"""What a file's name tells, as publishers write them. Pure text; nothing here opens a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SUFFIX: Final = ".gguf"

_SHARD: Final = re.compile(r"(?P<prefix>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)

# bartowski's `Q4_K_L`, unsloth's `UD-Q4_K_XL`, mradermacher's `i1-IQ3_M`, TheBloke's `.Q5_K_M`, `mxfp4`.
# The last one counts: `Foo-F16-Q4_K_M` was quantised from F16.
_QUANTISATION: Final = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?P<by>UD-|i1-)?"
    r"(?P<type>I?Q[1-9]_(?:K_(?:XXL|XL|XS|L|M|S)|K|XXS|XS|NL|S|M|L|XL|[01])(?:_[48]_[48])?"
    r"|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|FP16|F16|FP32|F32)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_BY: Final = {"": "", "ud-": "UD-", "i1-": "i1-"}

# Raw pieces that want joining with `cat` (TheBloke, mradermacher): no piece is a GGUF file, and the first one
# looks like one.
_RAW_PIECE: Final = re.compile(r"\.gguf[.-](?:part[-.]?\w+|split-\w+)", re.IGNORECASE)

# llama.cpp's own marks for drafts. `mtp-` only as it writes it: people also put `-MTP-` into the names of
# whole models that carry such a head.
_DRAFT: Final = re.compile(r"mtp-|(?i:^mtp-|eagle3-|dflash-|dspark-)")
_DRAFT_FOLDER: Final = "mtp"

# YAML can't hold these in plain text, a log line breaks at them, and llama-swap expands `${`.
_UNUSABLE: Final = re.compile(
    r"(?P<macro>\$\{)|(?P<bytes>[\ud800-\udfff])|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Shard:
    """Number `number` (from 1) of `count` files that are one model; `prefix` is all before the numbers."""

    prefix: str
    number: int
    count: int

    def sibling(self, number: int) -> str:
        """The path that llama.cpp looks for, in its own spelling."""
        return f"{self.prefix}-{number:05d}-of-{self.count:05d}.gguf"


def shard(path: str) -> Shard | None:
    """The place of `path` in a set of shards by its name; None for a file of its own, also for `1 of 1`."""
    match = _SHARD.fullmatch(path)
    if match is None or int(match["count"]) < 2 or not 1 <= int(match["number"]) <= int(match["count"]):
        return None
    return Shard(match["prefix"], int(match["number"]), int(match["count"]))


def quantisation(path: str) -> str:
    """The quantisation that the file's name states, else its folder's, in the usual spelling; "" for none."""
    folder, _, name = path.rpartition("/")
    for text in (_without_suffixes(name), folder.rpartition("/")[2]):
        found = list(_QUANTISATION.finditer(text))
        if found:
            kind = found[-1]["type"].upper()
            return _BY[(found[-1]["by"] or "").lower()] + {"FP16": "F16", "FP32": "F32"}.get(kind, kind)
    return ""


@lru_cache(maxsize=4096)  # asked for each pair of a model and a projector
def likeness(path: str) -> str:
    """The letters and digits of the file's name that say which model it is, for comparing starts."""
    name = _QUANTISATION.sub("", _without_suffixes(path.rpartition("/")[2]))
    name = re.sub(r"mmproj|(?<![A-Za-z])model(?![A-Za-z])", "", name, flags=re.IGNORECASE)
    return "".join(character for character in name.casefold() if character.isalnum())


def is_draft(path: str) -> bool:
    """Whether the name marks a draft model for speculative decoding, which is loaded beside another one."""
    folder, _, name = path.rpartition("/")
    return bool(_DRAFT.search(name)) or _DRAFT_FOLDER in folder.lower().split("/")


def is_projector(path: str) -> bool:
    """Whether the name marks a projector."""
    return "mmproj" in path.rpartition("/")[2].lower()


def is_raw_piece(name: str) -> bool:
    """Whether the name marks a piece of a file that was cut up to be joined again."""
    return bool(_RAW_PIECE.search(name))


def unusable(name: str) -> str | None:
    """Why llama-swap could not be given a path with `name` in it; None when it can."""
    if name.isprintable() and "${" not in name:  # the pattern alone would be a third of an idle look
        return None
    match = _UNUSABLE.search(name)
    if match is None:
        return None
    if match["macro"]:
        return "its name holds ${, which llama-swap takes for a macro: rename it"
    if match["bytes"]:
        return "its name is not UTF-8: rename it"
    return "its name holds a line break or another character that can't be written in a config: rename it"


def shown(path: str) -> str:
    """`path` on one line, whatever is in it."""
    return _UNUSABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), path)


def _without_suffixes(name: str) -> str:
    match = _SHARD.fullmatch(name)
    if match is not None:
        return match["prefix"]
    return name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else name
