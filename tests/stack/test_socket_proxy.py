"""compose.socket-proxy.yml: the whole job without Docker's socket, and nothing else than the job."""

from __future__ import annotations

import pytest

from tests.gguf_files import write_chat_model
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

OVERLAYS = ("compose.socket-proxy.yml", "tests/stack/images/compose.socket-proxy.test.yml")
# What the sync's container is answered on the way to Docker: `METHOD PATH` -> status.
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("socket-proxy", 2375, timeout=20)
connection.request(*sys.argv[1:])
print(connection.getresponse().status)
"""


def test_the_job_is_done_through_the_proxy_and_nothing_beside_it(new_box: NewBox) -> None:
    box = new_box(*OVERLAYS)
    box.start()
    await_condition(lambda: box.state("llama-swap")["Health"]["Status"] == "healthy", "llama-swap healthy")
    started = box.state("llama-swap")["StartedAt"]

    write_chat_model(box.models / "tiny.gguf")
    await_condition(lambda: box.listed() == {"tiny"}, "tiny being listed")

    assert box.state("llama-swap")["StartedAt"] != started, "nobody restarted llama-swap"
    assert box.compose("exec", "-T", "sync", "test", "-e", "/var/run/docker.sock").returncode == 1
    for request in forbidden(box):
        assert asked(box, *request) == "403", request
    assert asked(box, "GET", f"/v1.41/containers/{box.container}/json") == "200"
    reached = box.compose("exec", "-T", "llama-swap", "getent", "hosts", "socket-proxy")
    assert reached.returncode != 0, "llama-swap itself must not see the proxy"


def forbidden(box: Box) -> list[tuple[str, str]]:
    """What a sync that was taken over would like to ask."""
    own = f"/v1.41/containers/{box.container}"
    return [
        ("GET", "/v1.41/containers/json"),
        ("GET", "/v1.41/info"),
        ("GET", f"{own}/export"),
        ("GET", f"{own}/../json"),
        ("POST", "/v1.41/containers/create"),
        ("POST", f"{own}/stop"),
        ("POST", f"{own}/exec"),
        ("POST", f"/v1.41/containers/{box.project}-sync-1/restart"),
        ("POST", f"{own}x/restart"),
        ("POST", "/v1.41/images/create"),
        ("DELETE", own),
    ]


def asked(box: Box, method: str, path: str) -> str:
    return box.compose("exec", "-T", "sync", "python", "-c", ASK, method, path).stdout.strip()
