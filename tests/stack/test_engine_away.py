"""Docker away for a while, and a proxy that denies: a clear line, a whole config, recovery without help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.docker_door import DockerDoor
from tests.stack.lone_llama_swap import LoneLlamaSwap, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

BOTH = {"old", "new"}


@pytest.fixture
def lone(tmp_path: Path, llama_swap_image: str) -> Iterator[LoneLlamaSwap]:
    """It does not watch its file: only what Docker is asked for makes it serve a new model."""
    with running(tmp_path / "lone", llama_swap_image, "-watch-config=false") as made:
        yield made


@pytest.fixture
def door(tmp_path: Path) -> Iterator[DockerDoor]:
    made = DockerDoor(tmp_path / "docker.sock")
    yield made
    made.shut()


def test_an_engine_that_is_away_gets_the_restart_when_it_is_back(
    lone: LoneLlamaSwap, door: DockerDoor
) -> None:
    with lone.unattended(DOCKER_HOST=door.address) as loop:
        lone.add("first.gguf")
        await_condition(lambda: loop.says("serves the new config.yaml."), "a rollout while all is well")
        started = lone.state()["StartedAt"]
        door.shut()
        lone.add("new.gguf")
        await_condition(lambda: loop.says("start the engine"), f"a line on Docker in {loop.logged}")
        assert lone.written() == {"first", *BOTH}
        assert lone.state()["StartedAt"] == started

        door.open()
        await_condition(lambda: lone.listed() == {"first", *BOTH}, "all models being listed", 90)
        await_condition(lambda: loop.says("serves the new config.yaml.", times=2), "the good end")
        assert lone.written() == {"first", *BOTH}
        assert "Traceback" not in loop.logged.read_text()


@pytest.mark.parametrize(("apply", "denied"), [("restart", "restart"), ("reload", "kill")])
def test_a_denied_request_is_named_and_made_once_it_is_allowed(
    lone: LoneLlamaSwap, door: DockerDoor, apply: str, denied: str
) -> None:
    door.denied = rf"POST /v[\d.]+/containers/{lone.name}/{denied}"
    with lone.unattended(DOCKER_HOST=door.address, SYNC_APPLY=apply) as loop:
        started = lone.state()["StartedAt"]
        lone.add("new.gguf")
        await_condition(lambda: loop.says(f"denies POST {denied}"), f"the denial in {loop.logged}")
        assert not loop.says("<html")
        await_condition(lambda: loop.says("see compose.socket-proxy.yml"), "what to do")
        assert lone.written() == BOTH
        assert lone.listed() == {"old"}

        door.denied = None
        await_condition(lambda: lone.listed() == BOTH, "both models being listed", 90)
        await_condition(lambda: loop.says("llama-swap serves the new config.yaml."), "the good end")
        assert lone.written() == BOTH
        assert (lone.state()["StartedAt"] == started) == (apply == "reload")
