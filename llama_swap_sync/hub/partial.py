"""One file's bytes, collected in its partial file over any number of attempts, cuts and kills."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from llama_swap_sync.amounts import of_bytes
from llama_swap_sync.hub import checksum
from llama_swap_sync.hub.client import Body, Hub, Remote
from llama_swap_sync.hub.errors import DownloadFailed, VerificationFailed
from llama_swap_sync.hub.progress import Follow, Progress
from llama_swap_sync.hub.retrying import Patience, patiently
from llama_swap_sync.hub.staging import Staging, held

_LOG = logging.getLogger(__name__)
# Past this size the Hub serves a file through Xet alone (huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE).
XET_ALONE = 50_000_000_000
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Asked:
    """One file of a repository at `commit`, as a person sees it: `path` below OWNER/REPO."""

    repo: str
    path: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True, slots=True)
class Means:
    """What collecting a file needs of the world."""

    hub: Hub
    staging: Staging
    patience: Patience
    follow: Follow
    sleep: Callable[[float], None]


class Partial:
    """The partial file of `asked`, held against other processes until `close`.

    `collect()` returns when every byte of one content of the Hub is there; contents are never mixed. After a
    cut or a kill it goes on where the file ends: what was received is in the kernel's hands at once.
    """

    def __init__(self, asked: Asked, means: Means) -> None:
        self.asked = asked
        self._means = means
        self._held = ExitStack()
        self._descriptor = -1
        self._path: Path | None = None
        self._remote: Remote | None = None
        self._resumed = False

    @property
    def path(self) -> Path:
        """Where the bytes lie. Only after `collect`."""
        assert self._path is not None
        return self._path

    @property
    def remote(self) -> Remote:
        """The content that is collected. Only after `collect`."""
        assert self._remote is not None
        return self._remote

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._descriptor).st_size if self._descriptor >= 0 else 0

    def hold(self) -> None:
        """Asks the Hub which content is wanted and takes its partial file, waiting for its turn."""
        patiently(self._take, lambda: self.size, self._means.patience, self._means.sleep)

    def collect(self) -> None:
        """Every byte. Raises DownloadFailed, or VerificationFailed for more bytes than promised."""
        patiently(self._attempt, lambda: self.size, self._means.patience, self._means.sleep)
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from None

    def verify(self) -> str:
        """The SHA-256 of what was collected, which is the Hub's; VerificationFailed drops it.

        A wrong hash of a file that was resumed may be the fault of an earlier run (a power cut): it is
        collected once more from its beginning.
        """
        found = self._hash()
        if self._is_right(found):
            return found
        if self._resumed:
            _LOG.warning(
                "%s: what an earlier run left is damaged; downloading it from the beginning", self.asked
            )
            os.ftruncate(self._descriptor, 0)
            self._resumed = False
            self.collect()
            found = self._hash()
        if not self._is_right(found):
            self.drop()
            raise VerificationFailed(
                f"{self.asked} was not placed: its SHA-256 is {found}, the Hub promised {self.remote.sha256};"
                " try again later, and check the proxy and the disk if it happens again"
            )
        return found

    def drop(self) -> None:
        """Removes what was collected."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets other processes in."""
        self._held.close()
        self._descriptor = -1

    def _is_right(self, sha256: str) -> bool:
        return self.remote.sha256 in (None, sha256)

    def _hash(self) -> str:
        progress = self._means.follow(f"Verifying {self.asked.path}", self.remote.size, 0)
        return checksum.followed(self.path, progress)

    def _take(self) -> None:
        remote = self._means.hub.remote(self.asked.repo, self.asked.path, self.asked.commit)
        if self._remote is not None and remote.etag == self._remote.etag:
            self._remote = remote
            return
        if self._remote is not None:
            _LOG.info("%s was changed at the Hub; downloading the new content from its beginning", self.asked)
            self.drop()
        self.close()
        staging = self._means.staging
        path = staging.partial(self.asked.repo, self.asked.path, remote.etag)
        try:
            self._descriptor = self._held.enter_context(held(path, self._say_waiting))
        except OSError as error:
            raise self._unwritable(error) from None
        self._path, self._remote = path, remote
        self._resumed = self.size > 0
        if staging.drop_other_contents(self.asked.repo, self.asked.path, remote.etag):
            _LOG.info("%s was changed at the Hub since its download began; starting anew", self.asked)

    def _attempt(self) -> None:
        self._take()
        remote = self.remote
        if self.size > remote.size:
            os.ftruncate(self._descriptor, 0)
        if self.size == remote.size:
            return
        if remote.size > XET_ALONE and remote.xet is not None:
            self._attempt_by_xet()
            return
        if self.size:
            _LOG.info("%s: going on at %s of %s", self.asked, of_bytes(self.size), of_bytes(remote.size))
        progress = self._means.follow(self.asked.path, remote.size, self.size)
        try:
            with self._means.hub.body(remote, self.size) as body:
                self._receive(body, progress)
        finally:
            progress.end()
        if self.size < remote.size:
            raise DownloadFailed(
                f"{self.asked}: the connection ended at {of_bytes(self.size)} of {of_bytes(remote.size)}",
                passing=True,
            )

    def _receive(self, body: Body, progress: Progress) -> None:
        done, size = body.start, self.remote.size
        if done != self.size:
            os.ftruncate(self._descriptor, done)
        os.lseek(self._descriptor, done, os.SEEK_SET)
        for chunk in body.chunks:
            done += len(chunk)
            if done > size:
                self.drop()
                raise VerificationFailed(
                    f"{self.asked} was not placed: the server sends more than the promised {of_bytes(size)}"
                )
            self._write(chunk)
            progress.at(done)

    def _attempt_by_xet(self) -> None:
        _LOG.info(
            "%s is larger than 50 GB: the Hub serves it through Xet alone, which can't go on after a restart",
            self.asked,
        )
        self._means.hub.fetch_by_xet(self.remote, self.path)

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> DownloadFailed:
        """What the disk said. A disk that is full gets back what was taken from it."""
        if error.errno in _FULL:
            if self._path is not None:
                self.drop()
            then = "the disk is full; what had arrived was removed: free some space and download again"
        elif error.errno == errno.EFBIG:
            then = (
                "this file system holds no file of that size; move the models to another one (ext4, exFAT …)"
            )
        else:
            then = (
                f"{self._means.staging.folder} can't be written ({error.strerror}); check its owner and mount"
            )
        return DownloadFailed(f"{self.asked} was not downloaded: {then}")

    def _say_waiting(self) -> None:
        _LOG.info("%s is being downloaded by another process; waiting for it to end", self.asked)
