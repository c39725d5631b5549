"""Verdicts: what is evidence against a change, and what is not."""

from __future__ import annotations

import pytest

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.verify import Expectation, Result, Sight, Verdict, at_last, judge

REFUSED = ('ERROR failed to load config error="unknown macro"',)


def expecting(**changes: object) -> Expectation:
    values: dict[str, object] = {
        "ids": frozenset({"a"}),
        "name": "llama-swap",
        "since": 0.0,
        "timeout": 120.0,
    }
    return Expectation(**{**values, **changes})  # type: ignore[arg-type]


def container(status: str = "running", restarts: int = 0) -> ContainerState:
    return ContainerState("llama-swap", status, "then", restarts=restarts, exit_code=1)


def test_all_ids_listed_by_a_running_container_is_success() -> None:
    seen = Sight(container(), ids=frozenset({"a", "b"}))
    assert judge(seen, expecting(), 0.0) == Verdict(Result.SERVED, serving=True)


def test_a_missing_id_is_waited_for_and_named_in_the_end() -> None:
    seen = Sight(container(), ids=frozenset({"b"}))
    assert judge(seen, expecting(), 100.0) is None
    assert at_last(seen, expecting()) == Verdict(
        Result.FAILED, "after 120 s it does not list a", serving=True
    )


@pytest.mark.parametrize("status", ["exited", "dead", "restarting"])
def test_a_container_that_ended_fails_at_once_with_its_own_reason(status: str) -> None:
    verdict = judge(Sight(container(status), log=REFUSED), expecting(), 0.0)
    assert verdict == Verdict(Result.FAILED, "unknown macro", evident=True)


def test_a_container_that_started_again_fails_at_once_though_it_runs_right_now() -> None:
    verdict = judge(Sight(container(restarts=1), log=("cuda: no device",)), expecting(), 0.0)
    assert verdict == Verdict(
        Result.FAILED, "its container starts again and again; its last words: cuda: no device", evident=True
    )


def test_the_exit_code_is_told_where_nothing_else_is() -> None:
    verdict = judge(Sight(container("exited")), expecting(), 0.0)
    assert verdict is not None
    assert verdict.reason == "its container ended with exit code 1"


def test_a_restart_loop_from_before_is_no_evidence_against_the_change() -> None:
    assert judge(Sight(container("restarting", restarts=7)), expecting(restarts=None), 0.0) is None


def test_a_container_that_is_gone_fails_at_once() -> None:
    verdict = judge(Sight(gone=True), expecting(), 0.0)
    assert verdict == Verdict(Result.FAILED, "there is no container llama-swap any more")


def test_a_refused_reload_fails_at_once_while_the_old_config_is_served() -> None:
    seen = Sight(container(), ids=frozenset({"old"}), log=("failed to reload config: unknown macro",))
    verdict = judge(seen, expecting(in_process=True), 0.0)
    assert verdict == Verdict(Result.FAILED, "unknown macro", evident=True, serving=True)


def test_a_reload_that_shows_no_new_id_is_given_time_to_happen() -> None:
    seen = Sight(container(), ids=frozenset({"a"}))
    assert judge(seen, expecting(in_process=True), 1.0) is None
    assert judge(seen, expecting(in_process=True), 4.0) == Verdict(Result.SERVED, serving=True)


def test_without_an_address_a_container_that_runs_on_is_success() -> None:
    seen = Sight(container())
    assert judge(seen, expecting(served_before=False), 4.0) is None
    assert judge(seen, expecting(served_before=False), 5.0) == Verdict(Result.SERVED)


def test_one_that_could_not_be_asked_before_is_judged_by_its_container() -> None:
    seen = Sight(container(), problem="llama-swap answers 401: set LLAMA_SWAP_API_KEY.")
    assert judge(seen, expecting(served_before=False), 10.0) is None
    assert judge(seen, expecting(served_before=False), 20.0) == Verdict(Result.SERVED, seen.problem)


def test_one_that_answered_before_and_does_not_now_has_failed() -> None:
    seen = Sight(container(), problem="llama-swap does not answer in time.")
    assert judge(seen, expecting(), 60.0) is None
    assert at_last(seen, expecting()) == Verdict(
        Result.FAILED, "it answered before and does not now: llama-swap does not answer in time."
    )


def test_nobody_to_ask_is_no_verdict() -> None:
    seen = Sight(problem="Docker does not answer.")
    assert at_last(seen, expecting()) == Verdict(Result.UNKNOWN, "Docker does not answer.")
