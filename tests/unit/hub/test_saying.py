"""What the Hub answers, in the words of the person at the box; and what is tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llama_swap_sync.hub.client import HuggingFace
from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.settings import Secret
from tests.unit.hub.box import Box

FILE = "m-Q8_0.gguf"


def failure_of(box: Box, hub: HuggingFace, **asked: str) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as failed:
        hub.remote(asked.get("repo", box.repo), asked.get("path", FILE), asked.get("revision", "main"))
    assert "\n" not in str(failed.value)
    assert failed.value.exit_code == 2
    return failed.value


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_trouble_at_the_hub_can_pass(box: Box, status: int) -> None:
    box.put(FILE)
    box.hub.faults({"match": "HEAD", "kind": "status", "status": status})
    error = failure_of(box, box.client())
    assert str(error) == f"{box.repo}/{FILE}: 127.0.0.1 has trouble (HTTP {status})"
    assert error.passing


def test_too_many_requests_wait_as_long_as_the_hub_says(box: Box) -> None:
    data = box.put(FILE)
    order = box.order(FILE)
    box.hub.faults({"match": "HEAD", "kind": "status", "status": 429, "headers": {"Retry-After": "77"}})
    box.downloads(retries=1).carry_out(order)
    assert box.slept == [77.0]
    assert box.place(FILE).read_bytes() == data


def test_five_hundreds_are_tried_again_with_doubling_pauses_and_then_given_up(box: Box) -> None:
    from llama_swap_sync.hub.download import Downloads
    from llama_swap_sync.hub.retrying import Patience

    box.put(FILE)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "status", "status": 503, "times": -1})
    downloads = Downloads(box.client(), box.models, Patience(4, 10.0), sleep=box.slept.append)
    with pytest.raises(DownloadFailed, match="has trouble \\(HTTP 503\\)"):
        downloads.carry_out(order)
    assert box.slept == [10.0, 20.0, 40.0, 80.0]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"repo": "nobody/Nothing"},
            "127.0.0.1 has no nobody/Nothing, or it is private: check the name, or set",
        ),
        ({"revision": "v9"}, "has no revision v9; check the @ part"),
        ({"path": "gone.gguf"}, "has no file gone.gguf any more; look at "),
    ],
)
def test_what_is_not_there_is_named_and_not_tried_again(box: Box, asked: dict[str, str], text: str) -> None:
    box.put(FILE)
    error = failure_of(box, box.client(), **asked)
    assert text in str(error)
    assert not error.passing


def test_a_token_that_was_refused_is_named_and_not_shown(box: Box) -> None:
    box.put(FILE)
    headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
    box.hub.faults({"match": "HEAD", "kind": "status", "status": 401, "headers": headers})
    error = failure_of(box, HuggingFace(box.hub.endpoint, Secret("hf_secret")))
    assert f"127.0.0.1 refused HF_TOKEN for {box.repo}/{FILE} (HTTP 401): it has run out" in str(error)
    assert "hf_secret" not in repr(error)


def test_a_hub_that_can_not_be_reached_can_pass(box: Box) -> None:
    error = failure_of(box, HuggingFace("http://127.0.0.1:9"))
    assert "127.0.0.1 can't be reached" in str(error)
    assert str(error).endswith("; check the network and HF_ENDPOINT")
    assert error.passing


def test_a_server_that_is_no_hub_is_named_with_its_setting(box: Box) -> None:
    box.put(FILE)
    box.hub.faults({"match": "HEAD", "kind": "status", "status": 200})
    error = failure_of(box, box.client())
    assert "it is no Hub, or a proxy on the way drops headers; check HF_ENDPOINT" in str(error)


def test_an_address_of_the_storage_that_has_run_out_is_asked_for_anew(box: Box) -> None:
    data = box.put(FILE)
    order = box.order(FILE)
    box.hub.forget()
    box.hub.faults({"match": "GET /storage", "kind": "status", "status": 403})
    box.downloads(retries=1).carry_out(order)
    assert box.place(FILE).read_bytes() == data
    # One to find the partial file, one ahead of each of the two attempts.
    assert len(box.hub.requests("HEAD", "hub")) == 3


def test_a_file_over_50_gb_goes_through_xet_and_the_log_says_what_that_means(
    box: Box, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace
    from pathlib import Path

    from llama_swap_sync.hub import partial
    from llama_swap_sync.hub.client import Remote

    data = box.put(FILE)
    # 50 GB do not fit into a test: the threshold is lowered, and Xet's server is played by the hub's edge.
    monkeypatch.setattr(partial, "XET_ALONE", 100)

    class WithXet(HuggingFace):
        def remote(self, repo: str, path: str, revision: str) -> Remote:
            return replace(super().remote(repo, path, revision), xet="a file of Xet")

        def fetch_by_xet(self, remote: Remote, target: Path) -> None:
            assert remote.xet == "a file of Xet"
            target.write_bytes(data)

    caplog.set_level("INFO")
    downloads = replace(box.downloads(), hub=WithXet(box.hub.endpoint))
    downloads.carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert "the Hub serves it through Xet alone, which can't go on after a restart" in caplog.text
    assert not box.bodies()


@pytest.mark.parametrize("page", [b"<html>Log in</html>", b"{}", b"[]", b'"Log in"', b"\xff"])
def test_a_page_in_place_of_a_listing_is_named_with_its_setting(box: Box, page: bytes) -> None:
    with page_server(page) as endpoint, pytest.raises(DownloadFailed) as failed:
        HuggingFace(endpoint).listing(box.repo, "main")
    assert str(failed.value).startswith(f"{box.repo}: {endpoint} answers, but not as a Hub does: ")
    assert str(failed.value).endswith("check HF_ENDPOINT and the proxy settings")
    assert not failed.value.passing


@contextmanager
def page_server(page: bytes) -> Iterator[str]:
    """An address that answers everything with 200 and `page`, as a captive portal does."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
