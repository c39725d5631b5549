"""One writer at a time: `config.yaml.lock`, held by the kernel for as long as its process lives.

The file itself stays and means nothing: a run that was killed blocks nobody, because the kernel drops its
lock with the process. Removing it would let two runs lock two files of one name.
Not guaranteed: exclusion on shares whose `flock` succeeds for everybody or does not exist (some NFS, Lustre,
GPFS), nor between containers that mount config.yaml as a single file: there the comparison just before the
replace is the guard.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_swap_sync.errors import SyncError
from llama_swap_sync.state import State

if TYPE_CHECKING:
    from filelock import FileLock

_NO_SUCH_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})


class Locked(SyncError, BlockingIOError):  # noqa: N818 - the word of the contract between rooms
    """Another run has the file; `holder` is what it wrote about itself (pid, host, since), if anything."""

    def __init__(self, config: Path, holder: dict[str, Any] | None) -> None:
        self.holder = holder
        who = "another run of llama-swap-sync"
        if holder:
            who += f" (process {holder.get('pid')} on {holder.get('host')}, since {holder.get('since')})"
        super().__init__(f"{config}: locked by {who}; nothing was changed. Try again when it has ended.")


class Lock:
    """Re-entrant within one thread of one Store; a second one, of whatever process, is refused at once."""

    def __init__(self, config: Path, state: State, now: Callable[[], datetime]) -> None:
        self._config = config
        self._state = state
        self._now = now
        self._lock: FileLock | None = None
        self._depth = 0

    def take(self) -> None:
        """Raises Locked, or OSError when the lock file can't be made."""
        if self._depth == 0:
            self._lock = self._acquired()
            self._state.write(self._name, self._self_portrait())
        self._depth += 1

    def give_back(self) -> None:
        """Ends one `take`; the last one lets others in."""
        self._depth -= 1
        if self._depth == 0:
            self._state.forget(self._name)
            if self._lock is not None:
                self._lock.release()

    def _acquired(self) -> FileLock | None:
        from filelock import FileLock, Timeout

        # 0666: a lock file that root made (`docker exec`) must not shut out the user of PUID.
        lock = FileLock(f"{self._config}.lock", mode=0o666, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise Locked(self._config, self._state.read(self._name)) from None
        except OSError as error:
            if error.errno in _NO_SUCH_LOCKS:
                return None
            raise
        return lock

    @property
    def _name(self) -> str:
        return f"{self._config.name}.lock"

    def _self_portrait(self) -> dict[str, Any]:
        since = self._now().isoformat(sep=" ", timespec="seconds")
        return {"pid": os.getpid(), "host": os.uname().nodename, "since": since}
