"""The stand-in itself: what it refuses, reloads, drains and cuts is what the stack tests lean on."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stack.box import await_condition
from tests.stack.llama_swap_standin.config import Config, RefusedError, parse

FAKE_SERVER = [sys.executable, "-m", "tests.stack.llama_swap_standin.fake_server"]


@dataclass
class Standin:
    """One running stand-in and how to ask it."""

    config: Path
    port: int
    process: subprocess.Popen[str]
    opened: contextlib.ExitStack

    def open(self, method: str, path: str, data: Any = None, key: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        connection.request(method, path, None if data is None else json.dumps(data), headers)
        self.opened.callback(connection.close)
        return self.opened.enter_context(connection.getresponse())

    def json(self, path: str) -> Any:
        return json.loads(self.open("GET", path).read())

    def listed(self) -> list[str]:
        return [model["id"] for model in self.json("/v1/models")["data"]]

    def running(self) -> list[str]:
        return [model["model"] for model in self.json("/running")["running"]]

    def stream(self, model: str, tokens: int) -> http.client.HTTPResponse:
        data = {"model": model, "stream": True, "max_tokens": tokens}
        response = self.open("POST", "/v1/chat/completions", data)
        assert response.readline().startswith(b"data: ")
        return response


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, text: str, *flags: str, **environ: str) -> Iterator[Standin]:
    config, port = folder / "config.yaml", a_free_port()
    (folder / "tiny.gguf").touch()
    config.write_text(text.replace("FOLDER", str(folder)))
    command = [sys.executable, "-m", "tests.stack.llama_swap_standin", "-config", str(config)]
    process = subprocess.Popen(
        [*command, "-listen", f"127.0.0.1:{port}", *flags],
        env={**os.environ, "STANDIN_SERVER": shlex.join(FAKE_SERVER), **environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "listening" in process.stdout.readline()
        with contextlib.ExitStack() as opened:
            yield Standin(config, port, process, opened)
    finally:
        process.terminate()
        process.communicate(timeout=40)


def two_models(start_port: int) -> str:
    command = "/app/llama-server -m FOLDER/tiny.gguf --port ${PORT}"
    return f"startPort: {start_port}\nmodels:\n  a: {{cmd: '{command}'}}\n  b: {{cmd: '{command}'}}\n"


@pytest.fixture
def text() -> str:
    return two_models(a_free_port())


def understood(text: str) -> Config:
    return parse(text.encode(), {"HOME": "/root"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("models: [", "yaml: line 1"),
        (
            "models:\n  a: {cmd: 'x ${PORT}'}\n  a: {cmd: 'x ${PORT}'}\n",
            'mapping key "a" already defined at line 2',
        ),
        ("models: {a: {cmd: 'x ${nope} ${PORT}'}}", "unknown macro '${nope}' found in models.a.cmd"),
        ("models: {a: {cmd: ''}}", "empty command"),
        ("models: {a: {cmd: '# nothing'}}", "empty command"),
        ("models: {a: {cmd: x}}", "${PORT} is only available when used in cmd"),
        ("models: {a: {cmd: 'x ${env.UNSET} ${PORT}'}}", "environment variable 'UNSET' is not set"),
        (
            "models: {a: {cmd: 'x ${PORT}', aliases: [c]}, b: {cmd: 'x ${PORT}', aliases: [c]}}",
            "duplicate alias c found in model: b",
        ),
        ("models: {a: {cmd: 'x ${PORT}'}}\ngroups: {g: {members: [b]}}", "group g: unknown model b"),
        ("models: {a: {cmd: 'x ${PORT}'}}\nselectors: {s: {targets: [b]}}", "selector s: unknown model b"),
        ("models: {a: {cmd: 'x ${PORT}', aliases: no}}", "cannot unmarshal"),
        (
            "models: {a: {cmd: 'x ${PORT}', capabilities: {in: [video]}}}",
            "invalid capabilities.in value video",
        ),
        ("models: [a]", "cannot unmarshal"),
    ],
)
def test_a_file_that_llama_swap_refuses_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        understood(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "models:\n", "models: {}\n", "models: {}\n---\nmodels: [\n"]
)
def test_a_file_without_models_is_taken(text: str) -> None:
    assert not understood(text).models


def test_one_id_that_is_no_string_empties_the_whole_list() -> None:
    assert not understood("models: {a: {cmd: 'x ${PORT}'}, 1: {cmd: 'x ${PORT}'}}").models


def test_macros_nest_and_only_commands_that_ask_for_a_port_get_one() -> None:
    config = understood(
        "macros: {bin: '/app/${what}', what: server, at: '--port ${PORT}'}\n"
        "models:\n"
        "  a: {cmd: 'x', proxy: 'http://elsewhere:1'}\n"
        "  b: {cmd: \"${bin} ${at} ${MODEL_ID} '${env.HOME}'\"}\n"
        "  c: {cmd: '${bin} ${at}'}\n"
    )
    assert config.models["a"].upstream == "http://elsewhere:1"
    assert config.models["b"].command == ("/app/server", "--port", "5800", "b", "/root")
    assert config.models["c"].upstream == "http://localhost:5801"


def test_a_refused_file_ends_it_with_1_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("models: {a: {cmd: x}}")
    command = [
        sys.executable,
        "-m",
        "tests.stack.llama_swap_standin",
        "-config",
        str(tmp_path / "config.yaml"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "failed to load config" in ended.stdout
    assert "${PORT} is only available when used in cmd" in ended.stdout


def test_a_request_starts_its_model_and_unloads_the_other(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text) as standin:
        standin.stream("a", 1).read()
        standin.stream("b", 1).read()
        assert standin.running() == ["b"]


def test_sighup_takes_the_new_file_and_cuts_what_is_being_answered(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text) as standin:
        response = standin.stream("a", 2000)
        standin.config.write_text(standin.config.read_text().replace("  b:", "  c:"))
        standin.process.send_signal(signal.SIGHUP)
        with pytest.raises(http.client.IncompleteRead):
            response.read()
        assert standin.listed() == ["a", "c"]


def test_a_bad_file_leaves_the_old_config_and_its_models(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text, "-watch-config") as standin:
        standin.stream("a", 1).read()
        standin.config.write_text("models: [")
        await_condition(
            lambda: b"failed to reload config" in standin.open("GET", "/logs").read(), "the refusal"
        )
        assert standin.listed() == ["a", "b"]
        assert standin.running() == ["a"]


def test_watch_config_takes_a_replaced_file_within_seconds(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text, "-watch-config") as standin:
        fresh = tmp_path / "fresh"
        fresh.write_text("models: {}\n")
        fresh.replace(standin.config)
        await_condition(lambda: standin.listed() == [], "the reload", 5)


def test_sigterm_lets_an_answer_end(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text) as standin:
        response = standin.stream("a", 20)
        standin.process.terminate()
        assert response.read().endswith(b"data: [DONE]\n\n")
        assert standin.process.wait(10) == 0


def test_a_key_of_the_config_opens_and_its_absence_does_not(tmp_path: Path, text: str) -> None:
    with running(tmp_path, text + "apiKeys: [secret]\n") as standin:
        assert standin.open("GET", "/v1/models").status == 401
        assert standin.open("GET", "/v1/models", key="secret").status == 200
        assert standin.open("GET", "/health").status == 200


@pytest.mark.parametrize(
    ("generation", "quiet", "busy"),
    [
        (
            "2026-07",
            [{"operation": "snapshot"}],
            [{"operation": "upsert", "request": {"id": "1", "model": "a"}}],
        ),
        ("2026-02", [{"total": 0}], [{"total": 1}]),
        ("none", [], []),
    ],
)
def test_events_tell_of_requests_as_each_generation_does(
    tmp_path: Path, text: str, generation: str, quiet: list[Any], busy: list[Any]
) -> None:
    with running(tmp_path, text, STANDIN_EVENTS=generation) as standin:
        events = standin.open("GET", "/api/events")
        standin.stream("a", 1).read()
        assert list(in_flight(events))[: len(quiet + busy)] == quiet + busy


def in_flight(events: http.client.HTTPResponse) -> Iterator[Any]:
    """The data of `inflight` events until the model is ready."""
    while line := events.readline():
        if line.startswith(b"data:"):
            message = json.loads(line.removeprefix(b"data:"))
            if message["type"] == "inflight":
                yield json.loads(message["data"])
            elif message["type"] == "modelStatus" and '"ready"' in message["data"]:
                return
