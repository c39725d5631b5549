"""Once, with a model that means something: 243 MB through the whole stack, answered in words."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.conftest import NewBox
from tests.stack.real_model import NoModel, real_model

pytestmark = [pytest.mark.stack, pytest.mark.real_model, pytest.mark.timeout(1800)]


@pytest.fixture(scope="session")
def gemma(engine: None) -> Path:  # noqa: ARG001 - without an engine nothing is downloaded
    try:
        return real_model()
    except NoModel as problem:
        if os.environ.get("REQUIRE_DOCKER") == "1":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


def test_a_real_model_dropped_in_answers_in_words(
    new_box: NewBox, gemma: Path, record_property: Callable[[str, object], None]
) -> None:
    box = new_box()
    box.start()
    await_condition(lambda: box.state("llama-swap")["Health"]["Status"] == "healthy", "llama-swap healthy")

    path = box.models / "google" / "gemma-3-270m-GGUF" / gemma.name
    path.parent.mkdir(parents=True)
    shutil.copyfile(gemma, path)
    dropped = time.monotonic()
    (model,) = await_condition(box.listed, "the model being listed")
    listed = time.monotonic()
    answer = box.post("/v1/completions", _question(model))["choices"][0]["text"]
    answered = time.monotonic()

    record_property("answer", answer)
    print(
        f"{model}: listed {listed - dropped:.1f} s after the copy, answered {answered - listed:.1f} s later:"
        f" {answer!r}"
    )
    assert answer.startswith(" Paris")
    assert box.chat(model, "Hello, who are you?")


def _question(model: str) -> dict[str, object]:
    prompt = "Question: What is the capital of France?\nAnswer:"
    return {"model": model, "prompt": prompt, "max_tokens": 8, "temperature": 0}
