"""The HTTP client of llama-swap against answers as they come over a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from llama_swap_sync.apply.llama_swap import HttpLlamaSwap, LlamaSwapError, NotListening, Unauthorised
from llama_swap_sync.settings import Secret
from tests.fakes.http_server import Answer, Server, serving
from tests.fakes.llama_swap import event


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_the_listed_ids_are_the_models(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(body={"data": [{"id": "a"}, {"id": "b/c"}]})
    assert HttpLlamaSwap(server.url + "/").models() == {"a", "b/c"}


def test_the_key_is_sent_as_a_bearer(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(body={"data": []})
    HttpLlamaSwap(server.url, Secret("sesame")).models()
    assert server.requests[0].headers["authorization"] == "Bearer sesame"


def test_no_key_sends_none(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(body={"data": []})
    HttpLlamaSwap(server.url).models()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_key_is_named(server: Server, status: int) -> None:
    server.answers["GET /v1/models"] = Answer(status, {"error": "no"})
    with pytest.raises(Unauthorised) as error:
        HttpLlamaSwap(server.url).models()
    assert str(error.value) == f"llama-swap at {server.url} answers {status}: set LLAMA_SWAP_API_KEY."


def test_an_error_is_told_with_its_address(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(500)
    with pytest.raises(LlamaSwapError) as error:
        HttpLlamaSwap(server.url).models()
    assert str(error.value) == f"llama-swap at {server.url} answers 500 to /v1/models."


def test_another_program_at_that_address_is_noticed(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(body={"hello": "nginx"})
    with pytest.raises(LlamaSwapError, match=r"is no list of models: does LLAMA_SWAP_URL name llama-swap\?"):
        HttpLlamaSwap(server.url).models()


def test_an_answer_that_is_not_json_is_an_error(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(chunks=(b"<html>",))
    with pytest.raises(LlamaSwapError, match="answered something that is not JSON"):
        HttpLlamaSwap(server.url).models()


def test_a_redirect_is_not_followed_with_the_key(server: Server) -> None:
    server.answers["GET /v1/models"] = Answer(302, headers={"Location": "/login"})
    with pytest.raises(LlamaSwapError, match="answers 302"):
        HttpLlamaSwap(server.url, Secret("sesame")).models()
    assert len(server.requests) == 1


def test_models_that_have_ended_are_not_running(server: Server) -> None:
    running = [
        {"model": "a", "state": "ready"},
        {"model": "b", "state": "stopped"},
        {"model": "c", "state": "starting"},
    ]
    server.answers["GET /running"] = Answer(body={"running": running})
    assert HttpLlamaSwap(server.url).running() == ("a", "c")


def test_an_older_llama_swap_has_no_profiles(server: Server) -> None:
    assert HttpLlamaSwap(server.url).active_profile() == ""


def test_a_profile_is_read_and_set(server: Server) -> None:
    server.answers["GET /api/profiles"] = Answer(body={"active": "night", "profiles": []})
    server.answers["PUT /api/profiles/active"] = Answer(body={"active": "day"})
    client = HttpLlamaSwap(server.url)
    assert client.active_profile() == "night"
    client.set_profile("day")
    assert server.requests[-1].body == b'{"name": "day"}'


def test_no_active_profile_is_an_empty_name(server: Server) -> None:
    server.answers["GET /api/profiles"] = Answer(body={"active": None, "profiles": []})
    assert HttpLlamaSwap(server.url).active_profile() == ""


def test_events_arrive_line_by_line_while_the_stream_is_open(server: Server) -> None:
    read = threading.Event()
    text = "\n".join(event("inflight", {"total": 0}) + event("inflight", {"total": 1})) + "\n"
    cut = text.encode()
    server.answers["GET /api/events"] = Answer(
        chunks=(cut[:30], cut[30:40], cut[40:]), then=lambda: read.wait(10)
    )
    with HttpLlamaSwap(server.url).events(quiet=5) as lines:
        expected = text.splitlines()
        assert [next(lines) for _ in expected] == expected
        read.set()
        assert list(lines) == []


def test_a_stream_that_falls_silent_ends_for_the_reader(server: Server) -> None:
    done = threading.Event()
    server.answers["GET /api/events"] = Answer(chunks=(b"event:message\n",), then=lambda: done.wait(10))
    with HttpLlamaSwap(server.url).events(quiet=0.1) as lines:
        assert list(lines) == ["event:message"]
    done.set()


def test_a_llama_swap_without_events_has_an_empty_stream(server: Server) -> None:
    with HttpLlamaSwap(server.url).events(quiet=1) as lines:
        assert list(lines) == []


def test_the_log_comes_as_lines(server: Server) -> None:
    server.answers["GET /logs"] = Answer(chunks=(b"one\ntwo\n",))
    assert HttpLlamaSwap(server.url).log() == ["one", "two"]


def test_nobody_listening_is_told_apart_from_trouble() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = HttpLlamaSwap(f"http://127.0.0.1:{port}")
    with pytest.raises(NotListening) as error:
        client.models()
    assert str(error.value) == f"llama-swap at http://127.0.0.1:{port} can't be reached (Connection refused)."
    assert not client.healthy()


def test_a_proxy_of_the_environment_is_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answers["GET /health"] = Answer()
    assert HttpLlamaSwap(server.url).healthy()


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llama_swap_sync.apply.llama_swap._ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(LlamaSwapError) as error:
            HttpLlamaSwap(url).models()
    assert str(error.value) == f"llama-swap at {url} does not answer in time."
