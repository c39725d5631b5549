"""Waiting that SIGTERM and the end of a child interrupt at once."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType


class Waiter:
    """Sleeps between turns; `stopped` is set by SIGTERM or SIGINT, from the moment of `listen`.

    A signal between two waits is not lost: it leaves a byte in the pipe that the next wait finds.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def listen(self) -> None:
        """Takes over the signals of this process (main thread only)."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGCHLD, _wake)

    def wait(self, seconds: float | None, *descriptors: int) -> bool:
        """Returns after `seconds` (None: never by itself), on a signal, or when a descriptor can be read.

        True in the last case only.
        """
        if self.stopped:
            return False
        ready, _, _ = select.select([self._read, *descriptors], [], [], seconds)
        if self._read in ready:
            self._drain()
            ready.remove(self._read)
        return bool(ready)

    def _drain(self) -> None:
        try:
            while os.read(self._read, 512):
                pass
        except BlockingIOError:
            return

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped = True


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Being handled is enough: the wake-up descriptor has ended the wait."""
