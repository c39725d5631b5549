"""What a repository of the Hub holds, as values: its files and how their names are read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

_SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$", re.IGNORECASE)
_LABEL = re.compile(
    r"(?<![A-Za-z0-9])(?:UD-)?(?:(?:I?Q|TQ)\d+(?:_[A-Z0-9]+)*|BF16|F16|F32|FP16|FP32|MXFP4(?:_[A-Z0-9]+)*)"
    r"(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
# llama.cpp's own list of what is no model by itself (field.md: LC#24359 #28337).
_SIDECARS = ("mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository: `path` relative to its root, `size` in bytes, `sha256` None when not LFS."""

    path: str
    size: int
    sha256: str | None = None

    @property
    def is_gguf(self) -> bool:
        return self.path.lower().endswith(".gguf")

    @property
    def is_projector(self) -> bool:
        return self.is_gguf and "mmproj" in _name(self.path)

    @property
    def is_model(self) -> bool:
        """Whether llama-server can load it by itself, or as a shard of a set, as far as its name tells."""
        folders = PurePosixPath(self.path).parts[:-1]
        return self.is_gguf and "MTP" not in folders and not any(s in _name(self.path) for s in _SIDECARS)

    @property
    def label(self) -> str:
        """The quantisation that its path names, in capitals: `Q4_K_M`, `UD-IQ2_XXS`, `BF16`; else empty."""
        found = _LABEL.findall(self.path)
        return found[-1].upper() if found else ""

    @property
    def set_key(self) -> str:
        """The same text for all shards of one set, else the path."""
        shard = _SHARD.match(self.path)
        return f"{shard['stem']}-of-{shard['count']}.gguf".lower() if shard else self.path

    @property
    def shard(self) -> tuple[int, int] | None:
        """(number, count) of a shard, else None."""
        shard = _SHARD.match(self.path)
        return (int(shard["number"]), int(shard["count"])) if shard else None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit. `modified` is when anything in it was last changed."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]
    modified: datetime | None = None

    def find(self, path: str) -> HubFile | None:
        """The file at `path`, if there is one."""
        return next((file for file in self.files if file.path == path), None)

    def labels(self) -> tuple[str, ...]:
        """The quantisations of its models, sorted; a model that names none appears by its path."""
        return tuple(sorted({file.label or file.path for file in self.files if file.is_model}))


def _name(path: str) -> str:
    return PurePosixPath(path).name.lower()
