"""Wait until llama-swap answers nobody: the guarantee that no answer is cut, as long as `timeout` allows.

Not guaranteed: a request that arrives between the last look and the write (milliseconds).
"""

from __future__ import annotations

from dataclasses import dataclass

from llama_swap_sync.apply.clock import Clock
from llama_swap_sync.apply.events import InFlight, messages
from llama_swap_sync.apply.llama_swap import LlamaSwap, LlamaSwapError, NotListening, Unauthorised

# The opening burst (log history, model status, in flight) comes at once; a stream that is silent this long
# has told all it knows, and is opened again, which also brings a fresh snapshot after lost messages.
_QUIET = 3.0
# How long somebody who does not answer is waited for: long enough for a busy machine, far below the drain
# timeout, because nothing tells that anything is in flight at all.
_PATIENCE = 10.0
_PAUSE = 1.0
_BREATH = 0.2


@dataclass(frozen=True, slots=True)
class Drained:
    """`idle`: nothing was in flight at the end. `sentence` says what was not waited for; "" when all is
    well."""

    idle: bool
    waited: float
    sentence: str = ""


def drain(llama_swap: LlamaSwap, clock: Clock, timeout: float) -> Drained:
    """Returns as soon as nothing is in flight, after `timeout` seconds at the latest. Never raises."""
    start = clock.monotonic()
    answered = start
    while True:
        try:
            seen = _listen(llama_swap, clock, start + timeout)
            answered = clock.monotonic()
        except NotListening:
            # Nobody can be answered there: before the first start, or between two restarts.
            return Drained(True, clock.monotonic() - start)
        except LlamaSwapError as error:
            patience = 0.0 if isinstance(error, Unauthorised) else min(_PATIENCE, timeout)
            if clock.monotonic() - answered >= patience:
                return Drained(False, clock.monotonic() - start, f"{error} So nothing could be drained.")
            clock.wait(_PAUSE)
            continue
        waited = clock.monotonic() - start
        if seen.total is None:
            return _old_generation(llama_swap, waited)
        if seen.total == 0:
            return Drained(True, waited)
        if waited >= timeout:
            return Drained(False, waited, _cut(seen.total, timeout))
        clock.wait(_BREATH)


def _listen(llama_swap: LlamaSwap, clock: Clock, deadline: float) -> InFlight:
    """What is known when nothing is in flight any more, the stream is silent, or the deadline has come."""
    seen, heard = InFlight(), False
    with llama_swap.events(min(_QUIET, max(0.1, deadline - clock.monotonic()))) as lines:
        for message in messages(lines):
            heard = True
            seen = seen.after(message)
            if seen.total == 0 or clock.monotonic() >= deadline:
                break
    if not heard:
        # Not a word is no generation of llama-swap: it hangs, or something else listens there.
        llama_swap.running()
    return seen


def _old_generation(llama_swap: LlamaSwap, waited: float) -> Drained:
    """Before February 2026 no event tells of requests: no model loaded is the only sure sign."""
    try:
        loaded = llama_swap.running()
    except LlamaSwapError as error:
        return Drained(False, waited, f"{error} So nothing could be drained.")
    if not loaded:
        return Drained(True, waited)
    return Drained(
        False,
        waited,
        f"This llama-swap does not tell what it is answering, and {', '.join(loaded)} is loaded:"
        " going ahead. One of February 2026 or later would be waited for.",
    )


def _cut(total: int, timeout: float) -> str:
    answers = "1 answer is" if total == 1 else f"{total} answers are"
    return (
        f"{answers} still being generated after {timeout:g} s (SYNC_DRAIN_TIMEOUT): going ahead, which cuts"
        f" {'it' if total == 1 else 'them'}."
    )
