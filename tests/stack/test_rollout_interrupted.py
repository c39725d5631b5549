"""A sync that is killed, and a llama-swap that is in trouble: `sync` run as a process against a real
container."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.lone_llama_swap import LoneLlamaSwap, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture
def lone(tmp_path: Path, llama_swap_image: str) -> Iterator[LoneLlamaSwap]:
    with running(tmp_path / "lone", llama_swap_image) as made:
        yield made


def test_sigkill_at_any_time_leaves_a_whole_config_and_at_most_the_one_restart(lone: LoneLlamaSwap) -> None:
    interrupted_after_the_write = 0
    for number in range(12):
        lone.add(f"new{number}.gguf")
        before, started = lone.config.read_bytes(), lone.state()["StartedAt"]
        process = lone.begin_sync()
        time.sleep(0.15 + number * 0.12)  # the moment is what varies here
        process.send_signal(signal.SIGKILL)
        process.communicate()
        interrupted_after_the_write += lone.config.read_bytes() != before and process.returncode != 0
        restarted_at = lone.state()["StartedAt"]

        finished = lone.sync()
        assert finished.returncode == 0, finished.stdout
        assert lone.written() == lone.listed() == {"old", *(f"new{n}" for n in range(number + 1))}
        ended = lone.state()
        assert ended["RestartCount"] == 0
        assert restarted_at in (started, ended["StartedAt"]), "a second restart"
        assert not (lone.config.parent / ".llama-swap-sync" / "rollout.json").exists()
    assert interrupted_after_the_write, "no kill came between the write and the end"


def test_every_restart_is_a_change_and_nothing_is_left_lying(lone: LoneLlamaSwap) -> None:
    starts = {lone.state()["StartedAt"]}
    for number in range(10):
        lone.add(f"new{number}.gguf")
        assert lone.sync().returncode == 0
        starts.add(lone.state()["StartedAt"])
        assert lone.sync().returncode == 0
        assert lone.state()["StartedAt"] in starts
    assert len(starts) == 11
    names = {path.name for path in lone.config.parent.iterdir() if ".bak." not in path.name}
    assert names == {"config.yaml", "config.yaml.lock", ".llama-swap-sync"}


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ("401", "answers 401: set LLAMA_SWAP_API_KEY."),
        ("500", "answers 500 to /v1/models."),
        ("never", "does not answer in time."),
    ],
)
def test_a_llama_swap_that_can_not_be_asked_gets_its_config_all_the_same(
    lone: LoneLlamaSwap, answers: str, sentence: str
) -> None:
    lone.start(STANDIN_ANSWERS=answers)
    lone.add("new.gguf")
    done = lone.sync()
    assert sentence in done.stdout
    assert "Traceback" not in done.stdout
    assert done.returncode == 0, done.stdout
    assert lone.written() == {"old", "new"}
    assert lone.state()["Running"]
    lone.start()
    await_condition(lambda: lone.listed() == {"old", "new"}, "the new model being listed")


def test_a_slow_llama_swap_is_waited_for(lone: LoneLlamaSwap) -> None:
    lone.start(STANDIN_ANSWERS="slow:2")
    lone.add("new.gguf")
    done = lone.sync()
    assert done.returncode == 0, done.stdout
    assert "llama-swap serves the new config.yaml." in done.stdout
    assert lone.listed() == {"old", "new"}


def test_a_paused_container_takes_the_change_up_after_it_was_unpaused(lone: LoneLlamaSwap) -> None:
    lone.docker("pause")
    lone.add("new.gguf")
    done = lone.sync()
    assert done.returncode == 1
    assert f"Container {lone.name} is paused: `docker unpause {lone.name}` lets it go on." in done.stdout
    assert lone.written() == {"old", "new"}
    lone.docker("unpause")
    assert lone.sync().returncode == 0
    assert lone.listed() == {"old", "new"}


def test_a_renamed_container_is_told_with_the_names_there_are(lone: LoneLlamaSwap) -> None:
    lone.add("new.gguf")
    done = lone.sync(LLAMA_SWAP_CONTAINER="llama-swapp")
    assert "There is no container called llama-swapp (LLAMA_SWAP_CONTAINER); there are " in done.stdout
    assert lone.name in done.stdout
    assert lone.written() == {"old", "new"}
    assert lone.sync().returncode == 0
    assert lone.listed() == {"old", "new"}


def test_without_a_socket_a_watching_llama_swap_is_served_by_the_write_alone(lone: LoneLlamaSwap) -> None:
    lone.add("new.gguf")
    started = lone.state()["StartedAt"]
    done = lone.sync(DOCKER_HOST=f"unix://{lone.folder}/nowhere.sock")
    assert done.returncode == 0, done.stdout
    assert lone.listed() == {"old", "new"}
    assert lone.state()["StartedAt"] == started


@pytest.mark.parametrize("count", [1, 4])
def test_a_refused_config_is_taken_back_without_a_restart_loop(lone: LoneLlamaSwap, count: int) -> None:
    before = lone.config.read_bytes()
    new = [f"new{number}" for number in range(count)]
    lone.add(*(f"{id}.gguf" for id in new))
    done = lone.sync(SYNC_LLAMA_ARGS="-c ${nope}")
    assert done.returncode == 1
    assert "unknown macro" in done.stdout
    assert lone.config.read_bytes() == before
    assert lone.listed() == {"old"}
    started = lone.state()["StartedAt"]
    again = lone.sync(SYNC_LLAMA_ARGS="-c ${nope}")
    assert again.returncode == 1
    assert lone.state()["StartedAt"] == started
    assert lone.sync().returncode == 0
    assert lone.listed() == {"old", *new}
