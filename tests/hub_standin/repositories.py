"""ROOT/OWNER/REPO/... as the Hub would describe it. Files are read anew when they change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Content:
    """One file's content: where its bytes lie, how many, and its names at the Hub."""

    file: Path
    size: int
    sha256: str
    oid: str

    def describe(self, path: str) -> dict[str, Any]:
        """As `siblings` of a model's info list it with `?blobs=true`."""
        told: dict[str, Any] = {"rfilename": path, "size": self.size, "blobId": self.oid}
        if self.is_lfs:
            told["lfs"] = {"size": self.size, "sha256": self.sha256, "pointerSize": 134}
        return told

    @property
    def is_lfs(self) -> bool:
        return self.file.suffix.lower() == ".gguf" and not self.file.name.startswith("plain")

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.oid


class Repositories:
    """The repositories below `root`; a file `.gated` in one holds the token that opens it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[tuple[str, int, int, int], Content] = {}
        self._commits: dict[str, set[str]] = {}
        self._lock = Lock()

    def exists(self, repo: str) -> bool:
        return self._folder(repo).is_dir()

    def gate(self, repo: str) -> str | None:
        """The token that opens the repository; None when it is open to all."""
        gate = self._folder(repo) / ".gated"
        return gate.read_text().strip() if gate.exists() else None

    def files(self, repo: str) -> dict[str, Content]:
        folder = self._folder(repo)
        found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name[0] != ".")
        return {path.relative_to(folder).as_posix(): self._content(path) for path in found}

    def commit(self, repo: str) -> str:
        """A name for all contents together, as a Git commit is."""
        told = "".join(f"{path} {content.etag}\n" for path, content in self.files(repo).items())
        commit = hashlib.sha1(told.encode()).hexdigest()
        with self._lock:
            self._commits.setdefault(repo, set()).add(commit)
        return commit

    def knows(self, repo: str, revision: str) -> bool:
        """`main`, v1, and every commit that was ever named; all of them lead to what is there now."""
        return revision in ("main", "v1") or revision in self._commits.get(repo, set()) | {self.commit(repo)}

    def stored(self, sha256: str) -> Content | None:
        """The content of that hash, while any repository still has it."""
        repos = (f"{owner.name}/{repo.name}" for owner in self.root.iterdir() for repo in owner.iterdir())
        return next((c for repo in repos for c in self.files(repo).values() if c.sha256 == sha256), None)

    def _folder(self, repo: str) -> Path:
        return self.root / repo

    def _content(self, path: Path) -> Content:
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if key not in self._known:
            self._known[key] = _read(path, stat.st_size)
        return self._known[key]


def _read(path: Path, size: int) -> Content:
    sha256, oid = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            oid.update(chunk)
    return Content(path, size, sha256.hexdigest(), oid.hexdigest())
