"""A models directory, a stand-in Hub, and what a download left."""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llama_swap_sync.hub.client import HuggingFace
from llama_swap_sync.hub.download import Downloads, Order
from llama_swap_sync.hub.retrying import Patience
from llama_swap_sync.hub.staging import FOLDER
from tests.hub_standin.client import StandIn


@dataclass
class Box:
    """`downloads()` as a new process would make them; `slept` are the pauses that were taken."""

    hub: StandIn
    models: Path
    owner: str
    slept: list[float] = field(default_factory=list)

    @property
    def repo(self) -> str:
        return f"{re.sub('[^A-Za-z0-9]', '-', self.owner).replace('--', '-')}/Model-GGUF"

    def put(self, path: str, size: int = 300_000, seed: int = 1) -> bytes:
        """A file of the repository, with `size` bytes that `seed` decides."""
        return self.hub.put(self.repo, path, random.Random(seed).randbytes(size))

    def client(self, stall: float = 5.0) -> HuggingFace:
        return HuggingFace(self.hub.endpoint, stall=stall)

    def downloads(self, *, retries: int = 0, stall: float = 5.0, **options: Any) -> Downloads:
        return Downloads(
            self.client(stall), self.models, Patience(retries, 0.0), sleep=self.slept.append, **options
        )

    def order(self, *paths: str, revision: str = "main") -> Order:
        listing = self.client().listing(self.repo, revision)
        files = tuple(file for file in listing.files if file.path in paths)
        assert len(files) == len(paths)
        return Order(listing, revision, files)

    def place(self, path: str) -> Path:
        return self.models / self.repo / path

    def staged(self) -> list[str]:
        """What lies in staging; the folder itself is gone when nothing does."""
        folder = self.models / FOLDER
        return sorted(os.listdir(folder)) if folder.exists() else []  # noqa: PTH208

    def bodies(self) -> list[dict[str, Any]]:
        """Requests for bytes of files."""
        return self.hub.requests("GET", "storage")
