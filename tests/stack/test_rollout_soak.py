"""Model after model, each in an interval of its own: as many restarts as changes, and nothing that grows.

Twenty here, as each takes the engine some four seconds; a hundred in tests/unit/apply/test_rollout_soak.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.box import await_condition
from tests.stack.docker_door import DockerDoor
from tests.stack.lone_llama_swap import LoneLlamaSwap, Loop, running

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

COUNT = 20


@pytest.fixture
def lone(tmp_path: Path, llama_swap_image: str) -> Iterator[LoneLlamaSwap]:
    with running(tmp_path / "lone", llama_swap_image, "-watch-config=false") as made:
        yield made


@pytest.fixture
def door(tmp_path: Path) -> Iterator[DockerDoor]:
    made = DockerDoor(tmp_path / "docker.sock")
    yield made
    made.shut()


def test_restarts_are_the_changes_and_the_loop_does_not_grow(lone: LoneLlamaSwap, door: DockerDoor) -> None:
    with lone.unattended(DOCKER_HOST=door.address) as loop:
        add_one(lone, loop, 0)
        first = descriptors(loop), resident_kilobytes(loop)
        for number in range(1, COUNT):
            add_one(lone, loop, number)
        asked = len(door.asked)
        time.sleep(4)  # nothing can be awaited where nothing is to happen

        assert restarts(door) == COUNT
        assert len(door.asked) == asked, "Docker is asked though nothing changed"
        assert descriptors(loop) <= first[0]
        assert resident_kilobytes(loop) < first[1] + 1024
    names = {path.name for path in lone.config.parent.iterdir() if ".bak." not in path.name}
    assert names == {"config.yaml", "config.yaml.lock", ".llama-swap-sync"}


def add_one(lone: LoneLlamaSwap, loop: Loop, number: int) -> None:
    lone.add(f"new{number}.gguf")
    wanted = {"old", *(f"new{each}" for each in range(number + 1))}
    await_condition(lambda: lone.listed() == wanted, f"model {number} being listed")
    await_condition(lambda: loop.says("serves the new config.yaml.", times=number + 1), "the rollout's end")


def restarts(door: DockerDoor) -> int:
    return sum(request.endswith("/restart") for request in door.asked)


def descriptors(loop: Loop) -> int:
    """Those of the loop while no pass is at work: its pipes would count."""
    await_condition(lambda: not children(loop), "the pass's end")
    return len(list(Path(f"/proc/{loop.process.pid}/fd").iterdir()))


def children(loop: Loop) -> str:
    pid = loop.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def resident_kilobytes(loop: Loop) -> int:
    status = Path(f"/proc/{loop.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])
