"""What `Engine` promises, asked of the fake and of Docker itself with a container to throw away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from llama_swap_sync.apply.engine import Engine, EngineError, connect
from tests.fakes.box import NAME
from tests.fakes.engine import FakeEngine
from tests.stack.box import await_condition
from tests.stack.lone_llama_swap import running
from tests.unit.apply.room import house

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Asked:
    """An engine, the name of the llama-swap that it has, whether that one serves, and the time there."""

    engine: Engine
    name: str
    serves: Callable[[], bool]
    now: Callable[[], float]

    def started_at(self) -> str:
        state = self.engine.inspect(self.name)
        assert state is not None
        return state.started_at

    def says(self, words: str, since: float | None = None) -> bool:
        return any(words in line for line in self.engine.logs(self.name, since=since))


@pytest.fixture(scope="module", params=["fake", pytest.param("docker", marks=pytest.mark.stack)])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("engine")
    if request.param == "fake":
        box = house(folder).box
        yield Asked(FakeEngine(box), NAME, lambda: box.serves, box.clock.now)
        return
    image = request.getfixturevalue("llama_swap_image")
    with running(folder / "lone", image, "-watch-config=false") as lone:
        docker = connect("unix:///var/run/docker.sock", {})
        yield Asked(docker, lone.name, lambda: lone.listed() == {"old"}, time.time)


def test_a_look_tells_its_state_and_its_own_command(asked: Asked) -> None:
    state = asked.engine.inspect(asked.name)
    assert state is not None
    assert (state.name, state.status, state.restarts) == (asked.name, "running", 0)
    assert state.running
    assert "-config" in state.command
    assert not state.watches_config
    assert 0 < state.started <= asked.now()


def test_a_restart_keeps_the_container_and_counts_as_none_of_its_policy(asked: Asked) -> None:
    # One that hears no SIGTERM yet would take all of STOP_SECONDS.
    await_condition(asked.serves, "llama-swap serving")
    before = asked.started_at()
    asked.engine.restart(asked.name)
    after = asked.engine.inspect(asked.name)
    assert after is not None
    assert (after.running, after.restarts) == (True, 0)
    assert after.started_at != before


def test_a_reload_reaches_llama_swap_and_starts_nothing_anew(asked: Asked) -> None:
    # One that has only just been started hears no signal yet.
    await_condition(asked.serves, "llama-swap serving")
    before, moment = asked.started_at(), asked.now()
    asked.engine.reload(asked.name)
    await_condition(lambda: asked.says("configuration reloaded", moment), "the reload", 10)
    assert asked.says("SIGHUP", moment)
    assert asked.started_at() == before


def test_the_log_is_told_from_a_moment_on_and_by_its_last_lines(asked: Asked) -> None:
    await_condition(asked.serves, "llama-swap serving")
    asked.engine.reload(asked.name)
    await_condition(lambda: asked.says("configuration reloaded"), "the reload", 10)
    lines = asked.engine.logs(asked.name)
    assert len(lines) > 1
    assert asked.engine.logs(asked.name, tail=1) == lines[-1:]
    assert asked.engine.logs(asked.name, since=asked.now()) == []


def test_a_name_that_nobody_has_is_an_answer_to_a_look_alone(asked: Asked) -> None:
    assert asked.engine.inspect("apply-test-nobody") is None
    assert asked.engine.logs("apply-test-nobody") == []
    for ask in (asked.engine.restart, asked.engine.reload):
        with pytest.raises(EngineError, match="No such container: apply-test-nobody"):
            ask("apply-test-nobody")


def test_its_name_is_among_the_names(asked: Asked) -> None:
    names = asked.engine.names()
    assert asked.name in names
    assert names == sorted(names)
