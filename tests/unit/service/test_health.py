from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llama_swap_sync.service.health import engine_problem, page_problem, problems
from llama_swap_sync.service.heartbeat import Heartbeat, Pulse

NOW = 5000.0
BEAT = Heartbeat(
    pid=7,
    looked_at=NOW - 10,
    wall=1_790_000_000.0,
    interval=15.0,
    config="/config/config.yaml",
    files=3,
    engine="unix:///var/run/docker.sock",
    status_port=8081,
)
WELL = (lambda _address: None, lambda _port: None)


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    pulse = Pulse(tmp_path / "run")
    pulse.started(NOW - 1000)
    pulse.beat(BEAT)
    return pulse


def test_a_fresh_heartbeat_is_healthy(pulse: Pulse) -> None:
    assert problems(pulse, NOW, *WELL) == []


def test_a_loop_that_never_looked_is_unhealthy(tmp_path: Path) -> None:
    assert problems(Pulse(tmp_path), NOW, *WELL) == [
        "The loop has not looked at the models directory yet; the log says what it waits for"
    ]


def test_three_intervals_without_a_look_are_unhealthy(pulse: Pulse) -> None:
    assert problems(pulse, NOW + 34, *WELL) == []
    assert problems(pulse, NOW + 35, *WELL) == [
        "The loop's last look was 45 s ago and it looks every 15 s: it has ended,"
        " or the models directory does not answer; the log says which"
    ]


def test_a_heartbeat_from_before_a_reboot_does_not_count(pulse: Pulse) -> None:
    assert problems(pulse, 20.0, *WELL) != []


def test_what_the_loop_found_wrong_is_repeated(pulse: Pulse) -> None:
    pulse.beat(dataclasses.replace(BEAT, problems=("/models is not there", "config.yaml:3:1: a tab")))
    assert problems(pulse, NOW, *WELL) == ["/models is not there", "config.yaml:3:1: a tab"]


def test_wrong_settings_are_the_reason_when_no_loop_could_begin(pulse: Pulse) -> None:
    pulse.refused(["SYNC_INTERVAL=soon must be a duration"])
    assert problems(pulse, NOW, *WELL) == ["SYNC_INTERVAL=soon must be a duration"]
    pulse.started(NOW)
    assert pulse.refusal() == []


def test_three_crashes_in_a_row_are_unhealthy_until_a_loop_lives_ten_minutes(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path)
    for start in (0.0, 20.0, 40.0, 60.0):
        pulse.started(start)
        pulse.beat(dataclasses.replace(BEAT, looked_at=start + 5))
    assert problems(pulse, 70.0, *WELL) == [
        "The loop has crashed 3 times in a row, each time soon after its start; the log says why"
    ]
    pulse.beat(dataclasses.replace(BEAT, looked_at=650.0))
    assert problems(pulse, 661.0, *WELL) == []


def test_restarts_that_somebody_asked_for_are_no_crashes(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path)
    for start in range(0, 100, 20):
        pulse.started(float(start))
        pulse.beat(dataclasses.replace(BEAT, looked_at=start + 5.0))
        pulse.ended()
    assert pulse.life() == (0.0, 0)


def test_a_crash_after_days_does_not_count_as_a_loop(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path)
    for start in (0.0, 100_000.0, 200_000.0, 300_000.0, 400_000.0):
        pulse.started(start)
        pulse.beat(dataclasses.replace(BEAT, looked_at=start + 99_000.0))
    assert pulse.life() == (400_000.0, 0)


def test_a_damaged_heartbeat_counts_as_none(pulse: Pulse) -> None:
    (pulse.folder / "heartbeat.json").write_text('{"pid": 1')
    assert pulse.last() is None
    (pulse.folder / "heartbeat.json").write_text('{"surprise": 1}')
    assert pulse.last() is None


def test_a_heartbeat_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Pulse(tmp_path / "file").beat(BEAT)
    assert Pulse(tmp_path / "file").last() is None


@pytest.mark.parametrize("apply_needs_docker", [True, False])
def test_docker_is_asked_only_where_it_is_needed(pulse: Pulse, apply_needs_docker: bool) -> None:
    pulse.beat(dataclasses.replace(BEAT, engine="unix:///s" if apply_needs_docker else "", status_port=0))
    said = problems(pulse, NOW, lambda address: f"no Docker at {address}", lambda _port: "no page")
    assert said == (["no Docker at unix:///s"] if apply_needs_docker else [])


@contextmanager
def engine(path: Path, answer: bytes) -> Iterator[str]:
    """An engine that gives one answer."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix://{path}"
        thread.join()


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
def test_an_engine_that_answers_anything_answers(tmp_path: Path, status: str) -> None:
    with engine(tmp_path / "s", f"HTTP/1.1 {status}\r\n\r\n".encode()) as address:
        assert engine_problem(address) is None


def test_a_socket_of_something_else_is_named(tmp_path: Path) -> None:
    with engine(tmp_path / "s", b"+OK redis\r\n") as address:
        assert engine_problem(address) == f"What answers at {tmp_path}/s is not Docker: look at its mount"


def test_a_missing_socket_is_named(tmp_path: Path) -> None:
    assert engine_problem(f"unix://{tmp_path}/docker.sock") == (
        f"Docker does not answer at {tmp_path}/docker.sock (No such file or directory):"
        " look at its mount and whether Docker runs"
    )


def test_an_address_that_only_dockers_client_can_reach_is_not_judged() -> None:
    assert engine_problem("ssh://nas") is None
    assert engine_problem("tcp://nas") is None


def test_a_status_page_that_has_ended_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert page_problem(str(port)) is None
    assert page_problem(str(port)) == (
        f"The status page does not answer on port {port} (Connection refused); the log says why it ended"
    )
