"""A sync that is killed, and a llama-swap that is in trouble: `sync` run as a process against a real
container."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gguf_files import write_chat_model
from tests.stack.box import await_condition

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

_PREFIX = "apply-test-"


@dataclass
class LoneLlamaSwap:
    """One llama-swap container and a folder; the sync is run beside it as a process of this machine."""

    folder: Path
    image: str
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"{_PREFIX}{uuid.uuid4().hex[:8]}"
        self.models = self.folder / "models"
        self.config = self.folder / "config" / "config.yaml"
        for folder in (self.models, self.config.parent):
            folder.mkdir(parents=True)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.add("old.gguf")
        assert self.sync("--no-restart").returncode == 0

    def add(self, *paths: str) -> None:
        for path in paths:
            write_chat_model(self.models / path)

    def start(self, **environ: str) -> None:
        """(Re)creates the container and waits until it listens."""
        self.remove()
        command = ["docker", "run", "--detach", "--name", self.name, "--restart", "unless-stopped"]
        command += ["--publish", f"127.0.0.1:{self.port}:8080"]
        command += ["--volume", f"{self.models}:/models:ro", "--volume", f"{self.config.parent}:/config:ro"]
        command += [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
        command += [self.image, "-config", "/config/config.yaml", "-listen", "0.0.0.0:8080"]
        subprocess.run(command, check=True, capture_output=True)
        await_condition(self.listens, "llama-swap listening")

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(["docker", *arguments, self.name], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def state(self) -> dict[str, Any]:
        inspected = json.loads(self.docker("inspect"))[0]
        return {**inspected["State"], "RestartCount": inspected["RestartCount"]}

    def listens(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            try:
                client.connect(("127.0.0.1", self.port))
            except OSError:
                return False
            return bool(self.state()["Running"])

    def listed(self) -> set[str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=10) as answer:
                return {model["id"] for model in json.load(answer)["data"]}
        except (OSError, ValueError):
            return set()

    def written(self) -> set[str]:
        return set((yaml.safe_load(self.config.read_bytes()) or {}).get("models") or {})

    def begin_sync(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        settings = {
            "LLAMA_SWAP_CONFIG": str(self.config),
            "LLAMA_SWAP_MODELS_DIR": str(self.models),
            "LLAMA_SWAP_CONTAINER": self.name,
            "LLAMA_SWAP_URL": f"http://127.0.0.1:{self.port}",
            "SYNC_VERIFY_TIMEOUT": "20s",
            "SYNC_DRAIN_TIMEOUT": "20s",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "llama_swap_sync", "sync", *options],
            env={**os.environ, **settings, **self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sync(self, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
        process = self.begin_sync(*options, **environ)
        out, _ = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, out)


@pytest.fixture
def lone(tmp_path: Path, llama_swap_image: str) -> Iterator[LoneLlamaSwap]:
    made = LoneLlamaSwap(tmp_path / "lone", llama_swap_image)
    made.start()
    yield made
    made.remove()


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
