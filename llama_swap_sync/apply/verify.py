"""Does llama-swap serve the new config? Looks until it does, until it can't, or until the time is up.

What counts as failure is evidence against the change: the container ended or started again, llama-swap's
log refuses the config, expected IDs are missing although it answers, or it answered before and does not
now. Without evidence nothing is blamed: a llama-swap that could not be asked before (401, 500, wrong
address) is judged by its container.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from llama_swap_sync.apply.clock import Clock
from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.engine import Engine, EngineError
from llama_swap_sync.apply.llama_swap import LlamaSwap, LlamaSwapError
from llama_swap_sync.apply.refusal import last_words, refusal

_POLL = 0.5
# llama-swap reads its config in its first second; a container that has run this long has taken it.
_STABLE = 5.0
# One that did not answer before the change gets this long to begin with it.
_LATE_START = 20.0
# Its watcher looks every 2 s, and a reload follows at once: with no new ID to see, this is when it has
# happened.
_TAKEN_UP = 4.0
# A reload asked for during a reload is dropped, and one lasts as long as the old models take to end (30 s
# at most).
_AGAIN_AFTER = 35.0


class Result(StrEnum):
    """What was found."""

    SERVED = "served"
    FAILED = "failed"
    UNKNOWN = "unknown"  # neither llama-swap nor the engine can be asked


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` of a failure, or what could not be asked.

    `evident`: llama-swap itself refused the config, or ended on it. `serving`: it answers, with whichever
    config.
    """

    result: Result
    reason: str = ""
    evident: bool = False
    serving: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold: all of `ids` are listed, and container `name` runs on without a further restart.

    `restarts`: how often its restart policy had acted when it was last known to be well; None: it was not.
    `since`: Unix time from which log lines count. `served_before`: it answered before the change.
    `in_process`: the config is taken up without a new process. `timeout` in seconds.
    """

    ids: frozenset[str]
    name: str
    since: float
    timeout: float
    restarts: int | None = 0
    served_before: bool = True
    in_process: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """One look: `container` None with `gone` False means that it can't be asked; `ids` None likewise."""

    container: ContainerState | None = None
    gone: bool = False
    ids: frozenset[str] | None = None
    problem: str = ""
    log: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        return self.container is not None and self.container.running


def verify(
    expected: Expectation,
    engine: Engine | None,
    llama_swap: LlamaSwap | None,
    clock: Clock,
    again: Callable[[], None] | None = None,
) -> Verdict:
    """Looks every half second for at most `expected.timeout`. `again` is called once when a reload seems
    dropped."""
    start = clock.monotonic()
    while True:
        seen = _look(expected, engine, llama_swap)
        elapsed = clock.monotonic() - start
        verdict = judge(seen, expected, elapsed)
        if verdict is not None:
            return verdict
        if elapsed >= expected.timeout:
            return _with_its_words(at_last(seen, expected), expected, llama_swap)
        if again is not None and elapsed >= min(_AGAIN_AFTER, expected.timeout / 2):
            again()
            again = None
        clock.wait(min(_POLL, max(0.05, expected.timeout - elapsed)))


def judge(seen: Sight, expected: Expectation, elapsed: float) -> Verdict | None:
    """A verdict that more waiting would not change; None: look again. Pure."""
    failure = _failure(seen, expected)
    if failure is not None:
        return failure
    if seen.ids is not None and expected.ids <= seen.ids and (seen.container is None or seen.up):
        settled = not expected.in_process or elapsed >= _TAKEN_UP
        return Verdict(Result.SERVED, serving=True) if settled else None
    patience = _LATE_START if seen.problem else _STABLE
    if seen.ids is None and seen.up and elapsed >= patience and not expected.served_before:
        return Verdict(Result.SERVED, seen.problem)
    return None


def at_last(seen: Sight, expected: Expectation) -> Verdict:
    """The verdict when the time is up. Pure."""
    if seen.ids is not None:
        missing = sorted(expected.ids - seen.ids)
        if missing:
            reason = f"after {expected.timeout:g} s it does not list {', '.join(missing)}"
            return Verdict(Result.FAILED, reason, serving=True)
        return Verdict(Result.FAILED, f"its container is {_status(seen)}")
    if seen.container is None:
        return Verdict(Result.UNKNOWN, seen.problem)
    if expected.served_before and seen.problem:
        return Verdict(Result.FAILED, f"it answered before and does not now: {seen.problem}")
    if not seen.up:
        return Verdict(Result.FAILED, f"its container is {_status(seen)}")
    return Verdict(Result.SERVED, seen.problem)


def _with_its_words(verdict: Verdict, expected: Expectation, llama_swap: LlamaSwap | None) -> Verdict:
    """A reload that was refused shows only in the log; without an engine llama-swap's own memory of it is
    asked.

    Not earlier: its lines bear no time, so an old refusal can't be told from this one.
    """
    if verdict.result is not Result.FAILED or not expected.in_process or llama_swap is None:
        return verdict
    try:
        words = refusal(llama_swap.log())
    except LlamaSwapError:
        return verdict
    return replace(verdict, reason=words, evident=True) if words else verdict


def _failure(seen: Sight, expected: Expectation) -> Verdict | None:
    if seen.gone:
        return Verdict(Result.FAILED, f"there is no container {expected.name} any more")
    refused = refusal(seen.log)
    if refused and expected.in_process:
        return Verdict(Result.FAILED, refused, evident=True, serving=True)
    if seen.container is None or not _has_crashed(seen.container, expected):
        return None
    words = refused or last_words(seen.log)
    tail = f"; its last words: {words}" if words else ""
    return Verdict(Result.FAILED, refused or f"its container {_status(seen)}{tail}", evident=True)


def _has_crashed(container: ContainerState, expected: Expectation) -> bool:
    if expected.restarts is None:
        return False
    return container.status in ("exited", "dead", "restarting") or container.restarts > expected.restarts


def _status(seen: Sight) -> str:
    if seen.container is None:
        return "can't be asked"
    if seen.container.status in ("exited", "dead"):
        return f"ended with exit code {seen.container.exit_code}"
    return "starts again and again" if not seen.up or seen.container.restarts else seen.container.status


def _look(expected: Expectation, engine: Engine | None, llama_swap: LlamaSwap | None) -> Sight:
    container, gone, log = None, False, []
    problems = []
    if engine is not None:
        try:
            container = engine.inspect(expected.name)
            gone = container is None
            if container is not None and (expected.in_process or _has_crashed(container, expected)):
                log = engine.logs(expected.name, since=expected.since if expected.in_process else None)
        except EngineError as error:
            problems.append(str(error))
    ids = None
    if llama_swap is not None:
        try:
            ids = llama_swap.models()
        except LlamaSwapError as error:
            problems.insert(0, str(error))
    return Sight(container, gone, ids, " ".join(problems), tuple(log))
