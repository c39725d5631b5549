"""What an inspect and a container's command say."""

from __future__ import annotations

import pytest

from llama_swap_sync.apply.container import ContainerState, watches_config


@pytest.mark.parametrize(
    "command",
    [
        ["/app/llama-swap", "-config", "/app/config.yaml", "-watch-config"],
        ["llama-swap", "--watch-config"],
        ["llama-swap", "-watch-config=true"],
        ["llama-swap", "-watch-config=1"],
        ["llama-swap", "-watch-config=false", "-watch-config"],
        ["sh", "-c", "exec llama-swap -config /config/config.yaml -watch-config"],
        ["sh", "-c", "echo 'unclosed; llama-swap -watch-config"],
    ],
)
def test_a_command_with_the_flag_watches(command: list[str]) -> None:
    assert watches_config(command)


@pytest.mark.parametrize(
    "command",
    [
        ["llama-swap", "-config", "/config/config.yaml", "-listen", "0.0.0.0:8080"],
        ["llama-swap", "-watch-config=false"],
        ["llama-swap", "-watch-config", "-watch-config=0"],
        ["llama-swap", "-config", "/my-watch-config/config.yaml"],
        [],
    ],
)
def test_a_command_without_it_does_not(command: list[str]) -> None:
    assert not watches_config(command)


def test_an_inspect_is_read() -> None:
    state = ContainerState.of(
        {
            "Name": "/llama-swap",
            "RestartCount": 3,
            "Path": "/app/llama-swap",
            "Args": ["-config", "/app/config.yaml"],
            "State": {
                "Status": "exited",
                "StartedAt": "2026-11-24T02:38:01Z",
                "ExitCode": 1,
                "Restarting": False,
            },
        }
    )
    assert (state.name, state.status, state.restarts, state.exit_code) == ("llama-swap", "exited", 3, 1)
    assert state.command == ("/app/llama-swap", "-config", "/app/config.yaml")
    assert not state.running


def test_a_container_between_two_tries_is_not_running() -> None:
    # Docker reports Status "restarting" with Running true; older engines the flag alone.
    state = ContainerState.of({"State": {"Status": "running", "Running": True, "Restarting": True}})
    assert state.status == "restarting"
    assert not state.running


def test_an_inspect_with_nothing_in_it_is_a_container_that_does_not_run() -> None:
    assert not ContainerState.of({}).running


def running(started_at: str) -> ContainerState:
    return ContainerState("llama-swap", "running", started_at)


def test_a_start_other_than_the_one_before_the_write_has_read_the_file() -> None:
    assert running("2026-11-24T03:00:00Z").has_read_since("2026-11-24T02:00:00Z", moment=9e9)
    assert not running("2026-11-24T02:00:00Z").has_read_since("2026-11-24T02:00:00Z", moment=0)


def test_where_the_start_before_was_not_known_the_clock_decides() -> None:
    moment = 1_795_488_000.0  # 2026-11-24T02:40:00Z
    assert running("2026-11-24T02:40:01.123456789Z").has_read_since(None, moment)
    assert not running("2026-11-24T02:39:59Z").has_read_since(None, moment)
    assert not running("some day").has_read_since(None, moment)


def test_one_that_does_not_run_has_read_nothing() -> None:
    assert not ContainerState("llama-swap", "exited", "later").has_read_since("earlier", 0)
