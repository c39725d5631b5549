"""Work that needs memory runs in processes of its own and gives it back when it ends.

A pass loads yaml, requests and docker (some 40 MB); the loop that waits for years must not carry them.
Children write to the loop's own stdout and stderr: nothing is captured, so nothing can fill up or dead-lock.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llama_swap_sync.service.pacing import Pauses

# supervisord kills after 4 s (supervisord.conf), Docker after 10 s.
_GRACE = 3.0
# Nobody waits for a child that hangs: it may have longer to end than one at the container's end.
_LAST_GRACE = 10.0


class Child(Protocol):
    """A started process, as `subprocess.Popen` has it."""

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


Start = Callable[[Sequence[str]], Child]


def start(arguments: Sequence[str]) -> Child:
    """`llama-swap-sync ARGUMENTS` as a child process. Raises OSError when no process can be had."""
    return subprocess.Popen(
        [sys.executable, "-m", "llama_swap_sync", *arguments],
        stdin=subprocess.DEVNULL,
    )


@dataclass(slots=True)
class Job:
    """One kind of work, done by at most one child at a time; `due` is a monotonic moment, None when idle.

    `limit`: how many seconds a child may take; None: as many as it likes.
    """

    command: str
    pauses: Pauses
    limit: float | None = None
    due: float | None = None
    failures: int = 0
    started_at: float = 0.0
    _child: Child | None = field(default=None, repr=False)
    _told_to_end_at: float | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether a child is at work, as far as `finished` has been told."""
        return self._child is not None

    @property
    def was_urged(self) -> bool:
        """Whether the last child outstayed its limit."""
        return self._told_to_end_at is not None

    def ask(self, moment: float) -> None:
        """Wanted at `moment`, or earlier if that was said already."""
        self.due = moment if self.due is None else min(self.due, moment)

    def is_due(self, now: float) -> bool:
        """Whether a child should be started now."""
        return not self.running and self.due is not None and self.due <= now

    def begin(self, start: Start, options: Sequence[str], now: float) -> None:
        """Starts the child; a machine that has no process to give counts as a failure of the job."""
        self.due = None
        self.started_at = now
        self._told_to_end_at = None
        try:
            self._child = start([self.command, *options])
        except OSError:
            self._failed(now)

    def finished(self, now: float) -> int | None:
        """The exit code of a child that has ended since, once; a failure makes the job due again, later."""
        code = self._child.poll() if self._child else None
        if code is None:
            return None
        self._child = None
        if code == 0:
            self.failures = 0
        else:
            self._failed(now)
        return code

    def _failed(self, now: float) -> None:
        self.failures += 1
        self.ask(now + self.pauses.after(self.failures))

    def urge(self, now: float) -> bool:
        """Whether the child has outstayed its limit; SIGTERM when it has, SIGKILL ten seconds later.

        It may hang in the kernel (a dead NFS server), where no signal reaches it: nothing waits for it here,
        and while it is there it stays the job's only child.
        """
        if self._child is None or self.limit is None or now - self.started_at < self.limit:
            return False
        if self._told_to_end_at is None:
            self._told_to_end_at = now
            self._child.terminate()
        elif now - self._told_to_end_at >= _LAST_GRACE:
            self._child.kill()
        return True

    def wait(self, now: float) -> float | None:
        """Seconds until the job has something to do by itself; None when it waits for somebody else."""
        moments = [] if self.due is None else [self.due]
        if self._told_to_end_at is not None:
            moments.append(self._told_to_end_at + _LAST_GRACE)
        elif self._child is not None and self.limit is not None:
            moments.append(self.started_at + self.limit)
        return min((moment - now for moment in moments if moment > now), default=None)

    def tell_to_end(self) -> None:
        """Forwards SIGTERM."""
        if self._child:
            self._child.terminate()

    def reap(self, deadline: float) -> None:
        """Waits for the child's end until `deadline` (monotonic), then kills it."""
        if not self._child:
            return
        try:
            self._child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1.0)
        self._child = None


def end_all(jobs: Sequence[Job]) -> None:
    """SIGTERM to every child at once, SIGKILL to those that are still there three seconds later."""
    for job in jobs:
        job.tell_to_end()
    deadline = time.monotonic() + _GRACE
    for job in jobs:
        job.reap(deadline)
