"""A llama-swap that is away, late or wrong: a clear line, and recovery without help once it is well."""

from __future__ import annotations

import subprocess

import pytest

from tests.gguf_files import write_chat_model
from tests.stack.box import await_condition
from tests.stack.builds import CHOSEN
from tests.stack.conftest import NewBox
from tests.stack.test_rollout import started_with_one_model

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture
def obedient(llama_swap_image: str, request: pytest.FixtureRequest) -> None:  # noqa: ARG001 - an order
    """The real llama-swap can't be told to answer wrongly."""
    if request.config.stash[CHOSEN].origin != "stand-in":
        pytest.skip("needs the stand-in, which answers wrongly when asked to")


def test_a_removed_container_gets_the_model_when_it_comes_back(new_box: NewBox) -> None:
    box = started_with_one_model(new_box())
    subprocess.run(["docker", "rm", "--force", box.container], check=True, capture_output=True)
    write_chat_model(box.models / "second.gguf")

    await_condition(lambda: set(box.entries()) == {"first", "second"}, "the second entry")
    await_condition(lambda: box.container in box.logs("sync"), "a line that names the container")
    box.start()
    await_condition(lambda: box.listed() == {"first", "second"}, "both models being listed")


@pytest.mark.usefixtures("obedient")
def test_a_slow_llama_swap_is_waited_for(new_box: NewBox) -> None:
    box = new_box(STANDIN_ANSWERS="slow:3")
    box.start()
    write_chat_model(box.models / "first.gguf")
    await_condition(lambda: "serves the new config.yaml" in box.logs("sync"), "the verified apply", 120)


@pytest.mark.usefixtures("obedient")
@pytest.mark.parametrize(("answers", "told"), [("401", "LLAMA_SWAP_API_KEY"), ("500", "answers 500")])
def test_a_llama_swap_that_answers_wrongly_is_named(new_box: NewBox, answers: str, told: str) -> None:
    box = new_box(STANDIN_ANSWERS=answers, SYNC_VERIFY_TIMEOUT="10s", SYNC_DRAIN_TIMEOUT="5s")
    box.start()
    write_chat_model(box.models / "first.gguf")
    await_condition(lambda: told in box.logs("sync"), f"a line with {told}", 120)

    box.configure(STANDIN_ANSWERS="")
    box.start()
    await_condition(lambda: box.listed() == {"first"}, "recovery without help", 120)
