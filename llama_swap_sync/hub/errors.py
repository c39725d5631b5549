"""What can go wrong with the Hub, in the words of the person at the box."""

from __future__ import annotations

from llama_swap_sync.errors import SyncError


class DownloadFailed(SyncError, OSError):  # noqa: N818 - the word of the contract between rooms
    """A file did not arrive; nothing that was there before was touched.

    `passing` says whether trying again may help, `wait` the least pause in seconds that the Hub asked for.
    """

    exit_code = 2

    def __init__(self, text: str, *, passing: bool = False, wait: float | None = None) -> None:
        self.passing = passing
        self.wait = wait
        super().__init__(text)


class VerificationFailed(SyncError, ValueError):  # noqa: N818 - the word of the contract between rooms
    """A file's bytes are not those that were promised; nothing was placed."""

    exit_code = 3


class ReplacedByHand(SyncError, FileExistsError):  # noqa: N818 - reads as what happened
    """The file in the place of a download is the user's own; it was left alone."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was left alone: its content is neither what was downloaded nor what the Hub has, so"
            " somebody put it there by hand; move it away, or download with --force to replace it"
        )
