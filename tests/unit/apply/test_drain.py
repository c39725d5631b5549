"""Waiting for answers to end, with every generation of llama-swap and with one that does not answer."""

from __future__ import annotations

import pytest

from llama_swap_sync.apply.drain import Drained, drain
from llama_swap_sync.apply.llama_swap import LlamaSwapError
from tests.fakes.llama_swap import FakeLlamaSwap
from tests.unit.apply.room import House


def end_at(home: House, moment: float) -> None:
    def tick(now: float) -> None:
        if now >= moment:
            home.box.streams = 0

    home.clock.passing.append(tick)


@pytest.mark.parametrize("generation", ["operations", "total"])
def test_it_ends_as_soon_as_the_last_answer_does(home: House, generation: str) -> None:
    home.box.generation, home.box.streams = generation, 2
    end_at(home, 30)
    drained = drain(home.llama_swap, home.clock, 300)
    assert drained.idle
    assert 30 <= drained.waited < 32


@pytest.mark.parametrize("generation", ["operations", "total"])
def test_nothing_in_flight_takes_no_time(home: House, generation: str) -> None:
    home.box.generation = generation
    assert drain(home.llama_swap, home.clock, 300) == Drained(True, 0.0)


def test_the_first_generation_is_idle_when_no_model_is_loaded(home: House) -> None:
    home.box.generation = "none"
    assert drain(home.llama_swap, home.clock, 300).idle


def test_the_first_generation_with_a_loaded_model_is_not_waited_for(home: House) -> None:
    home.box.generation, home.box.streams = "none", 1
    drained = drain(home.llama_swap, home.clock, 300)
    assert not drained.idle
    assert drained.sentence == (
        "This llama-swap does not tell what it is answering, and loaded-model is loaded: going ahead. One of"
        " February 2026 or later would be waited for."
    )


def test_the_timeout_ends_the_wait_and_says_how_many_are_cut(home: House) -> None:
    home.box.streams = 2
    drained = drain(home.llama_swap, home.clock, 20)
    assert not drained.idle
    assert 20 <= drained.waited < 21
    assert drained.sentence == (
        "2 answers are still being generated after 20 s (SYNC_DRAIN_TIMEOUT): going ahead, which cuts them."
    )


def test_nobody_listening_is_nobody_to_wait_for(home: House) -> None:
    home.box.status = "exited"
    assert drain(home.llama_swap, home.clock, 300) == Drained(True, 0.0)


def test_one_who_answers_with_errors_is_waited_for_a_little(home: House) -> None:
    home.box.http_fails = "llama-swap at http://llama-swap:8080 answers 500 to /api/events."
    drained = drain(home.llama_swap, home.clock, 300)
    assert not drained.idle
    assert 10 <= drained.waited < 12
    assert drained.sentence == f"{home.box.http_fails} So nothing could be drained."


def test_an_error_in_between_is_forgotten(home: House) -> None:
    failures = iter([True, False, True])

    def before(name: str) -> None:
        if name == "events" and next(failures, False):
            raise LlamaSwapError("llama-swap does not answer in time.")

    home.box.streams = 1
    end_at(home, 8)
    assert drain(FakeLlamaSwap(home.box, before), home.clock, 300).idle


def test_a_stream_that_says_nothing_at_all_is_no_answer(home: House) -> None:
    def before(name: str) -> None:
        if name == "running":
            raise LlamaSwapError("llama-swap does not answer in time.")

    home.box.generation = "silent"
    home.llama_swap.before = before
    drained = drain(home.llama_swap, home.clock, 300)
    assert drained.sentence == "llama-swap does not answer in time. So nothing could be drained."
