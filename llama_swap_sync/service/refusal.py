"""What the supervised programs do when the settings are wrong: say so once, and stay, unhealthy.

An environment does not change while its container lives, so that starting again would only repeat the lines
in the log; `healthcheck.py` repeats them where `docker inspect` shows them and `docker compose ps` says
"unhealthy".
"""

from __future__ import annotations

import os
import sys

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service.heartbeat import Pulse, folder
from llama_swap_sync.service.waiting import Waiter


def stand_still(error: SyncError, *, say: bool) -> int:
    """The error's exit code, after SIGTERM. Raises it at once where no supervisor would start us again.

    `say` is for one of the programs only: the other would say the same.
    """
    if "SUPERVISOR_ENABLED" not in os.environ:
        raise error
    waiter = Waiter()
    waiter.listen()
    if say:
        Pulse(folder()).refused(str(error).splitlines())
        sys.stderr.writelines(f"llama-swap-sync: {line}\n" for line in str(error).splitlines())
    while not waiter.stopped:
        waiter.wait(None)
    return error.exit_code
