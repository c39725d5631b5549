"""A pause for Python's cycle collector while a large tree without cycles is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection inside; the collector is as it was before afterwards.

    *Measured*: it walks the growing tree again and again. Planning for 10,000 entries took 19 times as long
    as for 1,000 with it, 9 times without; nothing that is built here is garbage before the end.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
