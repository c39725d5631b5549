"""Applying to a llama-swap that is in use, that refuses, or that a person broke: nothing is lost or cut."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.gguf_files import write_chat_model
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox
from tests.stack.streams import Stream

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CONTEXT = 262144
LONG = {"SYNC_LLAMA_ARGS": f"-c {CONTEXT}"}
BROKEN = "groups:\n  mine:\n    members: [nowhere]  # llama-swap refuses the file for this\n"


def test_an_answer_being_streamed_ends_whole_before_a_model_is_added(new_box: NewBox) -> None:
    box = started_with_one_model(new_box(**LONG))
    assert any(ended_whole_after_a_wait(box, seconds) for seconds in (8, 16, 32)), (
        "no stream lasted until the model was seen"
    )


def ended_whole_after_a_wait(box: Box, seconds: float) -> bool:
    """Adds a model during a stream of about that length; whether the stream had to be waited for."""
    stream = Stream(box, "first", max_tokens=round(seconds * tokens_a_second(box)))
    await_condition(lambda: stream.tokens > 10, "the stream's beginning")
    write_chat_model(box.models / f"added-{seconds}.gguf")
    await_condition(lambda: f"added-{seconds}" in box.listed(), "the new model being listed", 240)
    assert stream.finish_reason == "length"
    return "for running answers to end" in box.logs("sync")


def test_an_answer_longer_than_the_drain_timeout_is_cut_and_the_log_says_so(new_box: NewBox) -> None:
    box = started_with_one_model(new_box(**LONG, SYNC_DRAIN_TIMEOUT="3s"))
    stream = Stream(box, "first", max_tokens=200_000)
    await_condition(lambda: stream.tokens > 10, "the stream's beginning")
    write_chat_model(box.models / "second.gguf")

    await_condition(lambda: box.listed() == {"first", "second"}, "both models being listed", 120)

    await_condition(lambda: not stream.is_running(), "the end of the stream")
    assert (stream.status, stream.finish_reason) == (200, "")
    assert "after 3 s (SYNC_DRAIN_TIMEOUT)" in box.logs("sync")


def test_what_llama_swap_refuses_is_rolled_back_once_and_named(new_box: NewBox) -> None:
    box = started_with_one_model(new_box())
    box.configure(SYNC_LLAMA_ARGS="'-c ${nope}'")
    box.start()
    before = box.config.read_bytes()
    write_chat_model(box.models / "second.gguf")

    await_condition(lambda: "unknown macro" in box.logs("sync"), "the refusal being told", 120)
    await_condition(lambda: box.listed() == {"first"}, "the first model being listed again", 120)
    await_condition(lambda: not is_healthy(box), "an unhealthy sync", 120)

    assert box.config.read_bytes() == before
    started = box.state("llama-swap")["StartedAt"]
    assert stays(lambda: box.state("llama-swap")["StartedAt"] == started, 8), "a restart loop"
    assert "unknown macro" in health(box)


def test_a_file_that_a_person_broke_stays_as_it_was_written(new_box: NewBox) -> None:
    box = started_with_one_model(new_box(sound=False))
    broken = box.config.read_bytes() + BROKEN.encode()
    box.config.write_bytes(broken)
    write_chat_model(box.models / "second.gguf")

    await_condition(lambda: "Mend it" in box.logs("sync"), "the verdict", 180)
    assert "unknown model nowhere" in box.logs("sync")
    assert stays(lambda: box.config.read_bytes() == broken, 4)

    box.config.write_bytes(broken.removesuffix(BROKEN.encode()))
    await_condition(lambda: box.listed() == {"first", "second"}, "recovery without help", 180)


def started_with_one_model(box: Box) -> Box:
    write_chat_model(box.models / "first.gguf", context=CONTEXT)
    box.start()
    await_condition(lambda: box.listed() == {"first"}, "the first model being listed")
    await_condition(lambda: is_healthy(box), "a healthy sync", 90)
    return box


def tokens_a_second(box: Box) -> float:
    """How fast this machine is just now: a stream must outlast a look or two, and not the test."""
    box.chat("first", "Load yourself", max_tokens=1)
    begun = time.monotonic()
    stream = Stream(box, "first", max_tokens=1000)
    await_condition(lambda: not stream.is_running(), "a stream of 1000 tokens")
    return 1000 / (time.monotonic() - begun)


def health(box: Box) -> str:
    return box.compose("exec", "-T", "sync", "python", "/app/healthcheck.py").stdout


def is_healthy(box: Box) -> bool:
    return health(box).startswith("healthy")


def stays(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds all that time: nothing can be awaited where nothing is to happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.5)
    return True
