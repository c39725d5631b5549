from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llama_swap_sync.service import report
from llama_swap_sync.service.heartbeat import Heartbeat, Pulse
from llama_swap_sync.service.last_pass import NAME, LastPass, LastPasses
from llama_swap_sync.service.report import Report
from llama_swap_sync.service.status_page import answer, page
from llama_swap_sync.state import FOLDER, State

NOW = 5000.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
def pulse(tmp_path: Path, config: Path) -> Pulse:
    pulse = Pulse(tmp_path / "run")
    pulse.started(NOW - 1000)
    pulse.beat(Heartbeat(7, NOW - 5, 1_790_000_000.0, 15.0, str(config), files=3, working=("pass",)))
    return pulse


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_all_that_is_known_is_told(pulse: Pulse, config: Path) -> None:
    last = LastPass(ok=True, at=1_790_000_000.0, summary="2 models added", look_again_at=1_790_000_600.0)
    State.beside(config).write(NAME, last.as_dict())
    State.beside(config).write("updates", {"pending": ["o/r/a.gguf: 4.1 GB of 2026-11-20"]})
    assert report.of(config, pulse, NOW).rows() == [
        ("health", "healthy"),
        ("last look", "2026-09-21 14:13:20, 3 model files"),
        ("at work", "bringing config.yaml and llama-swap in step"),
        ("last pass", "2026-09-21 14:13:20: 2 models added"),
        ("next pass", "2026-09-21 14:23:20, or when something changes"),
        ("update", "o/r/a.gguf: 4.1 GB of 2026-11-20"),
    ]


def test_without_a_loop_it_is_unhealthy_and_says_so(tmp_path: Path, config: Path) -> None:
    assert report.of(config, Pulse(tmp_path / "none"), NOW).rows() == [
        ("health", "unhealthy"),
        ("problem", "The loop has not looked at the models directory yet; the log says what it waits for"),
        ("last pass", "none yet"),
    ]


def test_a_loop_that_keeps_another_config_is_not_this_one(pulse: Pulse, tmp_path: Path) -> None:
    other = tmp_path / "other" / "config.yaml"
    assert report.of(other, pulse, NOW).problems == (
        f"The loop that runs here keeps another config, not {other}",
    )


@pytest.mark.parametrize("damaged", [{"at": 1}, {"ok": True, "at": "soon"}, {"ok": 1, "at": None}])
def test_a_last_pass_of_another_shape_counts_as_none(damaged: dict[str, object]) -> None:
    assert LastPass.of(damaged) is None


def test_a_last_pass_comes_back_from_the_state_as_it_was(tmp_path: Path) -> None:
    last = LastPass(ok=False, at=1.5, problem="no space", look_again_at=2.5, fingerprint="ab")
    State(tmp_path).write(NAME, last.as_dict())
    assert LastPass.of(State(tmp_path).read(NAME)) == last


WELL = Report(True, (), 1_790_000_000.0, 3, (), None, ())
ILL = Report(False, ("<b>/models</b> is not there",), None, None, (), None, ())


def test_the_page_shows_no_markup_that_a_name_brings() -> None:
    assert "<td>&lt;b&gt;/models&lt;/b&gt; is not there</td>" in page(ILL)
    assert "<b>" not in page(ILL)


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/?x", 200), ("/etc/passwd", 404), ("/healthz", 503)]
)
def test_each_address_has_its_status(path: str, status: int) -> None:
    assert answer(path, lambda: ILL)[0] == status


def test_the_health_answer_is_for_monitors() -> None:
    assert answer("/healthz", lambda: WELL) == (200, "text/plain", "healthy\n")
    assert answer("/healthz", lambda: ILL)[2] == "<b>/models</b> is not there\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(port: int, method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def page_program(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The program `status` as supervisord starts it."""
    environ = {
        **os.environ,
        "SYNC_STATUS_PORT": str(port),
        "LLAMA_SWAP_CONFIG": str(folder / "config.yaml"),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "llama_swap_sync", "status-page"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "the page never listened"
            time.sleep(0.05)


def test_the_program_answers_refuses_to_be_stalled_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    with page_program(tmp_path, port) as program:
        await_port(port)
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.sendall(b"GET / HT")
            status, body = ask(port, "GET", "/status.json")
        assert (status, json.loads(body)["healthy"]) == (200, False)
        assert ask(port, "HEAD", "/") == (200, b"")
        assert ask(port, "POST", "/")[0] == 501
        program.terminate()
        assert program.wait(5) == 0
        assert program.stderr is not None
        assert program.stderr.read() == ""


def test_a_port_that_is_taken_is_named_with_the_setting_that_frees_it(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with page_program(tmp_path, port) as program:
            assert program.wait(20) == 1
            assert program.stderr is not None
            assert program.stderr.read() == (
                f"llama-swap-sync: The status page can't listen on port {port} (Address already in use):"
                " set SYNC_STATUS_PORT to a free port, or to 0 for no page.\n"
            )


def test_no_page_is_an_orderly_end(tmp_path: Path) -> None:
    with page_program(tmp_path, 0) as program:
        assert program.wait(20) == 0


def test_a_pass_whose_config_folder_takes_nothing_still_says_why(tmp_path: Path) -> None:
    config = tmp_path / "config" / "config.yaml"
    config.parent.mkdir()
    (tmp_path / "run").mkdir()
    (config.parent / FOLDER).write_text("a file where the folder should be: root may write everywhere else")
    passes = LastPasses(config, tmp_path / "run")
    assert passes.keep(LastPass(ok=False, at=10.0, problem="the disk is full"))
    assert LastPasses(tmp_path / "other.yaml", tmp_path / "run").read() is None
    told = passes.read()
    assert told is not None
    assert told.problem == "the disk is full"
    (config.parent / FOLDER).unlink()
    assert passes.keep(LastPass(ok=True, at=20.0))
    assert passes.read() == LastPass(ok=True, at=20.0)
