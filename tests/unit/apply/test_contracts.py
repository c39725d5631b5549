"""What the fakes of the edge promise, asked of the real clients too: one set of tests, both sides.

The real llama-swap client talks to the stack tests' stand-in, run as a plain process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llama_swap_sync.apply.clock import SystemClock
from llama_swap_sync.apply.drain import drain
from llama_swap_sync.apply.events import messages
from llama_swap_sync.apply.llama_swap import HttpLlamaSwap, LlamaSwap, LlamaSwapError
from tests.fakes.llama_swap import FakeLlamaSwap
from tests.unit.apply.room import house

CONFIG = b"""\
profiles:
  night: {pins: {a: b}}
models:
  a: {cmd: 'sleep ${PORT}'}
  b: {cmd: 'sleep ${PORT}'}
"""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _standin(folder: Path, generation: str) -> Iterator[LlamaSwap]:
    config, port = folder / "config.yaml", _free_port()
    config.write_bytes(CONFIG)
    process = subprocess.Popen(
        [*_STANDIN, "-config", str(config), "-listen", f"127.0.0.1:{port}"],
        env={**os.environ, "STANDIN_EVENTS": generation},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    client = HttpLlamaSwap(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 20
        while not client.healthy():
            assert time.monotonic() < deadline, "the stand-in does not start"
            time.sleep(0.05)
        yield client
    finally:
        process.terminate()
        process.communicate(timeout=40)


_STANDIN = (sys.executable, "-m", "tests.stack.llama_swap_standin")
_GENERATIONS = {"2026-07": "operations", "2026-02": "total", "none": "none"}


@pytest.fixture(params=["fake", "standin"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(_GENERATIONS))
def llama_swap(side: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LlamaSwap]:
    if side == "fake":
        home = house(tmp_path, before=CONFIG, generation=_GENERATIONS[request.param])
        yield FakeLlamaSwap(home.box)
    else:
        yield from _standin(tmp_path, str(request.param))


def test_an_idle_llama_swap_of_every_generation_is_drained(llama_swap: LlamaSwap) -> None:
    drained = drain(llama_swap, SystemClock(), 30)
    assert (drained.idle, drained.sentence) == (True, "")


def test_it_lists_its_models_and_runs_none(llama_swap: LlamaSwap) -> None:
    assert llama_swap.models() == {"a", "b"}
    assert llama_swap.running() == ()
    assert llama_swap.healthy()


def test_its_events_begin_with_the_log_and_the_models(llama_swap: LlamaSwap) -> None:
    with llama_swap.events(quiet=1.0) as lines:
        heard = [message.type for message in messages(lines)]
    assert heard[0] == "logData"
    assert "modelStatus" in heard


def test_a_profile_stays_active_once_it_is_set(llama_swap: LlamaSwap) -> None:
    assert llama_swap.active_profile() == ""
    llama_swap.set_profile("night")
    assert llama_swap.active_profile() == "night"


def test_one_that_is_gone_is_an_error_everywhere(tmp_path: Path) -> None:
    home = house(tmp_path)
    home.box.status = "exited"
    for gone in (FakeLlamaSwap(home.box), HttpLlamaSwap(f"http://127.0.0.1:{_free_port()}")):
        assert not gone.healthy()
        for ask in (gone.models, gone.running, gone.active_profile, gone.log):
            with pytest.raises(LlamaSwapError, match="can't be reached"):
                ask()
