"""Which downloaded files have another content at the Hub now: one request a repository, whatever its size."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.hub.client import Hub
from llama_swap_sync.hub.download import Order
from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.verify import Managed

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Update:
    """A file or shard set whose content at the Hub is another one than when it was downloaded."""

    order: Order
    outdated: tuple[HubFile, ...]

    @property
    def name(self) -> str:
        return f"{self.order.listing.repo}/{self.outdated[0].path}"

    def __str__(self) -> str:
        """`OWNER/REPO/PATH: new version of 2026-11-20, 2.5 GB to download`."""
        when = self.order.listing.modified
        of = f" of {when:%Y-%m-%d}" if when else ""
        more = f" and {len(self.outdated) - 1} more" if len(self.outdated) > 1 else ""
        size = of_bytes(sum(file.size for file in self.outdated))
        return f"{self.name}{more}: new version{of}, {size} to download"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found: updates, sentences about files that can't be followed, repositories that failed."""

    updates: tuple[Update, ...]
    gone: tuple[str, ...]
    failures: tuple[DownloadFailed, ...]
    checked: int

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each file or repository that could not be followed."""
        return *self.gone, *(f"{error}; its downloaded files stay and are served" for error in self.failures)


def find(hub: Hub, files: Iterable[Managed]) -> Findings:
    """Compares the downloaded files with the Hub. A repository that is gone or gated is a problem's line.

    Files that follow a commit never change and are not asked for.
    """
    updates: list[Update] = []
    gone: list[str] = []
    failures: list[DownloadFailed] = []
    checked = 0
    for (repo, revision), group in _by_repository(files).items():
        checked += len(group)
        try:
            listing = hub.listing(repo, revision)
        except DownloadFailed as error:
            failures.append(error)
            continue
        found, left = _compare(listing, revision, group)
        updates += found
        gone += left
    return Findings(tuple(updates), tuple(gone), tuple(failures), checked)


def _by_repository(files: Iterable[Managed]) -> dict[tuple[str, str], list[Managed]]:
    groups: dict[tuple[str, str], list[Managed]] = {}
    for file in files:
        if file.repo is not None and not _COMMIT.fullmatch(file.checksum.revision):
            groups.setdefault((file.repo, file.checksum.revision), []).append(file)
    return groups


def _compare(listing: Listing, revision: str, files: list[Managed]) -> tuple[list[Update], list[str]]:
    sets: dict[str, list[tuple[HubFile, Managed]]] = {}
    gone = []
    for file in files:
        now = listing.find(file.path_in_repo)
        if now is None:
            gone.append(
                f"{listing.repo} has no file {file.path_in_repo} any more;"
                " the downloaded one stays and is served"
            )
        else:
            sets.setdefault(now.set_key, []).append((now, file))
    updates = []
    for pairs in sets.values():
        outdated = tuple(now for now, mine in pairs if now.sha256 not in (None, mine.checksum.sha256))
        if outdated:
            updates.append(Update(Order(listing, revision, tuple(now for now, _ in pairs)), outdated))
    return updates, gone
