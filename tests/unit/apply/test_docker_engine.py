"""The Docker edge against an HTTP API as engines and socket proxies speak it, and against sockets that
fail."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from llama_swap_sync.apply import docker_endpoint
from llama_swap_sync.apply.docker_endpoint import Endpoint
from llama_swap_sync.apply.engine import Engine, EngineDenied, EngineError, EngineUnreachable, connect
from tests.fakes.http_server import Answer, Server, serving

INSPECTED = {
    "Name": "/llama-swap",
    "RestartCount": 0,
    "Path": "/app/llama-swap",
    "Args": ["-watch-config"],
    "State": {"Status": "running", "StartedAt": "2026-11-24T02:38:01Z", "Restarting": False},
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def engine(server: Server) -> Engine:
    return connect(server.url.replace("http://", "tcp://"), {})


@pytest.mark.parametrize("version", ["1.41", "1.43", "1.52"])
def test_the_engines_own_version_is_spoken(server: Server, version: str) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": version})
    server.answers[f"GET /v{version}/containers/llama-swap/json"] = Answer(body=INSPECTED)
    state = engine(server).inspect("llama-swap")
    assert state is not None
    assert state.running
    assert state.watches_config


@pytest.mark.parametrize(
    ("spoken", "complaint"),
    [
        ("1.41", "client version 1.44 is too new. Maximum supported API version is 1.41"),
        ("1.52", "client version 1.44 is too old. Minimum supported API version is 1.52, please upgrade"),
    ],
)
def test_where_a_proxy_hides_the_version_the_engines_complaint_tells_it(
    server: Server, spoken: str, complaint: str
) -> None:
    server.answers["GET /version"] = Answer(403, {"message": "forbidden"})
    server.answers["GET /v1.44/containers/llama-swap/json"] = Answer(400, {"message": complaint})
    server.answers[f"GET /v{spoken}/containers/llama-swap/json"] = Answer(body=INSPECTED)
    assert engine(server).inspect("llama-swap") is not None


def test_a_restart_gives_llama_swap_forty_seconds_to_end(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["POST /v1.41/containers/llama-swap/restart"] = Answer(204)
    engine(server).restart("llama-swap")
    assert server.requests[-1].path == "/v1.41/containers/llama-swap/restart?t=40"


def test_a_reload_is_a_sighup(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["POST /v1.41/containers/llama-swap/kill"] = Answer(204)
    engine(server).reload("llama-swap")
    assert server.requests[-1].path == "/v1.41/containers/llama-swap/kill?signal=SIGHUP"


def test_no_such_container_is_an_answer(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    assert engine(server).inspect("llama-swap") is None
    assert engine(server).logs("llama-swap") == []
    with pytest.raises(EngineError, match="Docker: POST restart of llama-swap failed"):
        engine(server).restart("llama-swap")


def test_the_names_there_are_without_their_slash(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["GET /v1.41/containers/json"] = Answer(
        body=[{"Names": ["/plex"]}, {"Names": ["/a", "/b/a"]}]
    )
    assert engine(server).names() == ["a", "plex"]


def test_a_proxy_that_keeps_the_names_to_itself_gives_none(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["GET /v1.41/containers/json"] = Answer(403, {"message": "forbidden"})
    assert engine(server).names() == []


def test_a_proxy_that_denies_a_restart_is_named(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["POST /v1.41/containers/llama-swap/restart"] = Answer(
        403, {"message": "Forbidden by rule"}
    )
    with pytest.raises(EngineDenied) as error:
        engine(server).restart("llama-swap")
    address = server.url.replace("http://", "tcp://")
    assert str(error.value) == (
        f"Docker at {address} denies POST restart of llama-swap (403 Forbidden by rule): let the socket proxy"
        " allow inspect, logs, restart and kill of this container, see compose.socket-proxy.yml."
    )


def test_a_page_for_browsers_is_not_quoted(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    page = b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>"
    headers = {"Content-Type": "text/html"}
    server.answers["POST /v1.41/containers/llama-swap/kill"] = Answer(403, chunks=(page,), headers=headers)
    with pytest.raises(
        EngineDenied, match=r"denies POST kill \(SIGHUP\) of llama-swap \(403 Forbidden\): let"
    ):
        engine(server).reload("llama-swap")


def test_an_engine_that_fails_is_told_with_its_own_words(server: Server) -> None:
    server.answers["GET /version"] = Answer(body={"ApiVersion": "1.41"})
    server.answers["POST /v1.41/containers/llama-swap/restart"] = Answer(500, {"message": "port is taken"})
    with pytest.raises(EngineError, match=r"failed at POST restart of llama-swap \(500 port is taken\)\.$"):
        engine(server).restart("llama-swap")


def test_a_missing_socket_names_the_mount_and_the_setting(tmp_path: Path) -> None:
    socket_path = tmp_path / "docker.sock"
    with pytest.raises(EngineUnreachable) as error:
        connect(f"unix://{socket_path}", {}).inspect("llama-swap")
    assert str(error.value) == (
        f"Docker's socket {socket_path} is not there: mount it with `- {socket_path}:{socket_path}` under"
        " volumes, name another one in DOCKER_HOST, or do without by SYNC_APPLY=watch."
    )


def test_a_socket_that_nobody_serves_says_how_to_start_the_engine(tmp_path: Path) -> None:
    socket_path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path))
    with pytest.raises(EngineUnreachable) as error:
        connect(f"unix://{socket_path}", {}).inspect("llama-swap")
    assert str(error.value) == (
        f"Docker does not answer at {socket_path} (Connection refused): start the engine, for example with"
        " `systemctl start docker`."
    )


def test_a_socket_of_another_group_names_the_group_and_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket_path = tmp_path / "docker.sock"
    socket_path.touch()
    group = docker_endpoint._group(socket_path.stat().st_gid)
    # Root may do everything, and tests run as root in CI.
    monkeypatch.setattr(os, "access", lambda *_: False)
    gid = socket_path.stat().st_gid
    sentence = docker_endpoint.why_unreachable(Endpoint(f"unix://{socket_path}"), "Permission denied")
    assert sentence.startswith(f"Docker's socket {socket_path} is for group {group}, and this runs as ")
    assert sentence.endswith(f'add `group_add: ["{gid}"]` to this service in compose.yml, or set PGID={gid}.')


def test_an_address_that_is_none_names_the_setting() -> None:
    with pytest.raises(EngineUnreachable, match="look whether it runs and whether DOCKER_HOST names it"):
        connect("tcp://127.0.0.1:9", {}).inspect("llama-swap")


def test_without_an_address_the_context_of_the_command_line_counts(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"nas").hexdigest()
    folder.mkdir(parents=True)
    host = server.url.replace("http://", "tcp://")
    meta = {"Name": "nas", "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    (tmp_path / "config.json").write_text('{"currentContext": "nas"}')
    assert docker_endpoint.find("", {}).address == host
    assert docker_endpoint.find("tcp://other:1", {}).address == "tcp://other:1"


def test_a_context_that_is_gone_is_no_reason_to_take_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineUnreachable) as error:
        connect("", {"DOCKER_CONTEXT": "nas"}).inspect("llama-swap")
    assert str(error.value) == (
        "Where Docker answers can't be made out (context 'nas' not found): look at DOCKER_HOST,"
        " DOCKER_CONTEXT, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
    )


def test_connecting_asks_nobody_and_loads_nothing() -> None:
    assert connect("unix:///nowhere.sock", {}) is not None
