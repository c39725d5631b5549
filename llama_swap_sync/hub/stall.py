"""A connection that trickles is as dead as a silent one: the silence timeout alone waits for ever on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

# Bytes a second below which nobody's line is merely slow: a 4 GB model would take a month and a half.
SLOWEST = 1024


class Stalled(TimeoutError):  # noqa: N818 - reads as what happened
    """Next to nothing came for the whole of a span; a new connection may do better."""


def watched(
    chunks: Iterator[bytes], span: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """`chunks` as they come. Raises Stalled when less than SLOWEST came during `span` seconds."""
    since, got = clock(), 0
    for chunk in chunks:
        yield chunk
        got += len(chunk)
        now = clock()
        if now - since >= span:
            if got < SLOWEST * (now - since):
                raise Stalled
            since, got = now, 0
