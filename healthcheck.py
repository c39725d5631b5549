#!/usr/bin/env python3
"""Docker's health check: exit 0 when the unattended sync is well, else 1 with the reasons on stdout.

`docker inspect --format '{{json .State.Health}}' CONTAINER` shows what it printed. Standard library only.
"""

from __future__ import annotations

import sys
import time

from llama_swap_sync.service.health import problems
from llama_swap_sync.service.heartbeat import Pulse, folder


def main() -> int:
    """Print one line a problem, or that there is none."""
    found = problems(Pulse(folder()), time.monotonic())
    sys.stdout.write("".join(f"{problem}\n" for problem in found) or "healthy\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
