"""Files of the Hub into the models directory: whole, verified, a shard set at once, or not at all."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.files import Files, OsFiles
from llama_swap_sync.hub import checksum, place
from llama_swap_sync.hub.checksum import Checksum
from llama_swap_sync.hub.client import Hub
from llama_swap_sync.hub.errors import DownloadFailed, ReplacedByHand
from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.partial import Asked, Means, Partial
from llama_swap_sync.hub.place import Found, Ready
from llama_swap_sync.hub.progress import Follow, Lines
from llama_swap_sync.hub.retrying import Patience
from llama_swap_sync.hub.staging import Staging

_LOG = logging.getLogger(__name__)
_RESERVE = 0.05


@dataclass(frozen=True, slots=True)
class Order:
    """Files of one repository that must appear together: a model's file or shards, or a projector.

    `revision` is what the person asked for (they follow it from now on), `listing.commit` what it means now.
    """

    listing: Listing
    revision: str
    files: tuple[HubFile, ...]

    def __str__(self) -> str:
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.listing.repo}/{self.files[0].path}{more}"


@dataclass(frozen=True)
class Downloads:
    """Carries orders out below `root`. What a person put there by hand stays, unless `force`."""

    hub: Hub
    root: Path
    patience: Patience = field(default_factory=Patience)
    verify: bool = True
    force: bool = False
    follow: Follow = Lines
    sleep: Callable[[float], None] = time.sleep
    files: Files = field(default_factory=OsFiles)

    @property
    def staging(self) -> Staging:
        return Staging(self.root)

    def missing(self, order: Order) -> tuple[HubFile, ...]:
        """The files of `order` whose bytes would be fetched. Raises ReplacedByHand, DownloadFailed."""
        found = {file: self._found(order, file) for file in order.files}
        return tuple(file for file in order.files if found[file] not in (Found.CURRENT, Found.UNMARKED))

    def carry_out(self, order: Order) -> bool:
        """All files of `order` are in place when this returns; True when anything was fetched.

        Raises DownloadFailed, VerificationFailed, ReplacedByHand; then nothing was placed, and what was
        served before is still there. Whole parts of it may wait in staging for the next try.
        """
        missing = self.missing(order)
        try:
            if missing:
                self._check_space(order, missing)
                self._fetch(order, missing)
            self._mark(order, [file for file in order.files if file not in missing])
        except (DownloadFailed, ReplacedByHand):
            raise
        except OSError as error:
            raise DownloadFailed(
                f"{order} could not be put into {self.root} ({error.strerror or error});"
                " check its owner and its mount"
            ) from None
        finally:
            self.staging.leave()
        return bool(missing)

    def _found(self, order: Order, file: HubFile) -> Found:
        where = place.target(self.root, order.listing.repo, file.path)
        found = place.look(where, file, order.revision)
        if found is Found.FOREIGN and not self.force:
            raise ReplacedByHand(str(where))
        if where.is_symlink() and found in (Found.OUTDATED, Found.FOREIGN):
            raise DownloadFailed(
                f"{where} is a link, and what it leads to is out of date; remove the link first"
            )
        return found

    def _check_space(self, order: Order, missing: Sequence[HubFile]) -> None:
        have = sum(self._have(order, file) for file in missing)
        need = int((sum(file.size for file in missing) - have) * (1 + _RESERVE))
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise DownloadFailed(
                f"{self.root} can't be used for downloads ({error.strerror}); name a folder that can be"
                " written (LLAMA_SWAP_MODELS_DIR, --dest-dir), and check its mount"
            ) from None
        if free < need:
            raise DownloadFailed(
                f"{order} needs {of_bytes(need)} with 5 % to spare, and {self.root} has {of_bytes(free)}"
                " free; nothing was downloaded: free some space"
            )

    def _have(self, order: Order, file: HubFile) -> int:
        if file.sha256 is None:
            return 0
        try:
            partial = self.staging.partial(order.listing.repo, file.path, file.sha256)
            return min(partial.stat().st_size, file.size)
        except OSError:
            return 0

    def _fetch(self, order: Order, missing: Sequence[HubFile]) -> None:
        means = Means(self.hub, self.staging, self.patience, self.follow, self.sleep)
        with ExitStack() as turn:
            partials = []
            # All processes take them in one order, so that two can't wait for each other.
            for file in sorted(missing, key=lambda file: file.path):
                partial = Partial(Asked(order.listing.repo, file.path, order.listing.commit), means)
                turn.callback(partial.close)
                partial.hold()
                partials.append(partial)
            if self._came_meanwhile(order, missing):
                for partial in partials:
                    partial.drop()
                return
            items = [self._collected(order, partial) for partial in partials]
            replaced = any(place.target(self.root, order.listing.repo, f.path).exists() for f in missing)
            place.put(items, self.files)
        for partial in partials:
            _LOG.info("%s is in place (%s)", partial.asked, of_bytes(partial.remote.size))
        if replaced:
            # A llama-server that runs has the old file open, and an update changes no entry.
            _LOG.info("%s: if it is loaded, it serves its old file until llama-swap unloads it", order)

    def _came_meanwhile(self, order: Order, missing: Sequence[HubFile]) -> bool:
        """Whether the process that was waited for has done the work."""
        return all(
            place.is_marked(place.target(self.root, order.listing.repo, file.path), file, order.revision)
            for file in missing
        )

    def _collected(self, order: Order, partial: Partial) -> Ready:
        partial.collect()
        promised = partial.remote.sha256
        if promised and not self.verify:
            _LOG.warning("%s is placed without verification, as asked", partial.asked)
            sha256 = promised
        else:
            sha256 = partial.verify()
        if promised is None:
            _LOG.warning("%s: the Hub keeps no SHA-256 of it, only its size was checked", partial.asked)
        asked = partial.asked
        return place.ready(
            self.staging, asked.repo, asked.path, Checksum(sha256, order.revision), partial.path
        )

    def _mark(self, order: Order, present: Sequence[HubFile]) -> None:
        """The checksum of what was in place already, where it lacks one (a kill, or a copy by hand)."""
        for file in present:
            if self._found(order, file) is Found.UNMARKED:
                where = place.target(self.root, order.listing.repo, file.path)
                mark = Checksum(file.sha256 or checksum.sha256_of(where), order.revision)
                item = place.ready(self.staging, order.listing.repo, file.path, mark, None)
                place.write_mark(item, self.files)
                _LOG.info("%s was there already, and is what the Hub has", where)
