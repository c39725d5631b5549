"""Issue 7 on the shipped compose.yml: a model named in .env, and it is there, verified and served."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gguf_files import write_chat_model, write_sharded_chat_model
from tests.hub_standin.client import StandIn
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

OVERLAY = "tests/stack/images/compose.hub.test.yml"
TINY, SHARDED = "owner/Tiny-GGUF:Q8_0", "owner/Sharded-GGUF:Q4_K_M"
TINY_PATH = "owner/Tiny-GGUF/tiny-Q8_0.gguf"
SHARD_PATHS = [f"owner/Sharded-GGUF/sharded-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
TINY_ID, SHARDED_ID = "owner--Tiny-GGUF--tiny-Q8_0", "owner--Sharded-GGUF--sharded-Q4_K_M"
TOKEN = "hf_neverseenanywhere"

NewHubBox = Callable[..., tuple[Box, StandIn]]


@pytest.fixture
def new_hub_box(new_box: NewBox, tmp_path: Path) -> NewHubBox:
    """Makes boxes that ask a Hub of their own, which has a tiny model and a sharded one."""

    def make(**settings: str) -> tuple[Box, StandIn]:
        root = tmp_path / "hub"
        write_chat_model(root / TINY_PATH)
        (root / SHARD_PATHS[0]).parent.mkdir(parents=True)
        write_sharded_chat_model(root / "owner/Sharded-GGUF/sharded-Q4_K_M", name="Sharded")
        hub = StandIn(root, f"http://127.0.0.1:{_free_port()}")
        quick = {"SYNC_RETRIES": "1", "SYNC_RETRY_DELAY": "1s", "SYNC_UPDATES": "off"}
        own = {"HF_ENDPOINT": "http://hub:8000", "HUB_ROOT": str(root), "HUB_PORT": hub.endpoint[-5:]}
        return new_box(OVERLAY, **{**own, **quick, **settings}), hub

    return make


def test_models_named_in_env_alone_are_fetched_verified_and_answered(
    new_hub_box: NewHubBox,
) -> None:
    box, hub = new_hub_box(SYNC_MODELS=f"{TINY} {SHARDED}")
    began = time.monotonic()
    box.start()
    started = time.monotonic()
    await_condition(lambda: box.listed() == {TINY_ID, SHARDED_ID}, "both models being listed", 120)
    print(f"`up` took {started - began:.1f} s, served {time.monotonic() - started:.1f} s after it")

    for name in (TINY_ID, SHARDED_ID):
        assert len(box.chat(name, "Hello", max_tokens=16)) == 16, "the tiny model answers a letter a token"
    owner = (box.models.stat().st_uid, box.models.stat().st_gid)
    assert owner != (0, 0)
    for path in (TINY_PATH, *SHARD_PATHS):
        placed = box.models / path
        assert placed.read_bytes() == (hub.root / path).read_bytes()
        _assert_accepted_by_sha256sum(placed)
        for file in (placed, placed.with_name(f"{placed.name}.sha256")):
            assert (file.stat().st_uid, file.stat().st_gid) == owner
    assert sorted(path.name for path in box.models.iterdir()) == ["owner"], "staging was left behind"


def test_a_token_opens_a_gated_model_and_is_seen_by_nobody_else(new_hub_box: NewHubBox) -> None:
    box, hub = new_hub_box(SYNC_MODELS=TINY, HF_TOKEN=TOKEN, SYNC_LOG_LEVEL="debug")
    (hub.root / "owner/Tiny-GGUF/.gated").write_text(TOKEN)
    box.start()
    await_condition(lambda: box.listed() == {TINY_ID}, "the gated model being listed", 120)

    assert any(request["authorised"] for request in hub.requests(host="hub"))
    stored = hub.requests(host="storage")
    assert stored
    assert not any(request["authorised"] for request in stored)
    shown = box.compose("exec", "--no-TTY", "sync", "llama-swap-sync", "config").stdout
    assert "HF_TOKEN" in shown
    logs = "".join(box.logs(service) for service in ("sync-init", "llama-swap", "sync"))
    kept = "".join(path.read_text() for path in box.config_folder.rglob("*") if path.is_file())
    assert TOKEN not in shown + logs + kept


def test_an_update_at_the_hub_replaces_the_file_at_once_and_is_answered(new_hub_box: NewHubBox) -> None:
    box, hub = new_hub_box(SYNC_MODELS=TINY, SYNC_UPDATES="apply", SYNC_UPDATE_SCHEDULE="* * * * *")
    box.start()
    await_condition(lambda: box.listed() == {TINY_ID}, f"{TINY_ID} being listed", 120)
    box.chat(TINY_ID, "Hello")
    began = box.state("llama-swap")["StartedAt"]
    placed = box.models / TINY_PATH
    old = placed.read_bytes()

    with _watched(placed) as contents:
        new = write_chat_model(hub.root / "new.gguf", name="Newer").read_bytes()
        (hub.root / "new.gguf").unlink()
        hub.put("owner/Tiny-GGUF", "tiny-Q8_0.gguf", new)
        await_condition(lambda: placed.read_bytes() == new, "the update", 150)

    assert contents <= {_digest(old), _digest(new)}, "a reader saw something between the old and the new file"
    await_condition(lambda: _is_accepted(placed), "a .sha256 of the new file", 10)
    assert "if it is loaded, it serves its old file until llama-swap unloads it" in box.logs("sync")
    assert len(box.chat(TINY_ID, "Hello", max_tokens=16)) == 16, "the loaded model went away"
    assert box.state("llama-swap")["StartedAt"] == began, "an update changes no entry"
    assert box.compose("restart", "llama-swap").returncode == 0
    await_condition(lambda: box.listed() == {TINY_ID}, f"{TINY_ID} being listed again", 60)
    assert len(box.chat(TINY_ID, "Hello", max_tokens=16)) == 16, "the new file is not loaded"
    assert "Traceback" not in box.logs("sync")


def test_update_all_by_hand_fetches_what_check_has_found(new_hub_box: NewHubBox) -> None:
    box, hub = new_hub_box(SYNC_MODELS=TINY)
    box.start()
    await_condition(lambda: box.listed() == {TINY_ID}, f"{TINY_ID} being listed", 120)
    new = write_chat_model(hub.root / TINY_PATH, name="Newer").read_bytes()

    found = box.compose("exec", "--no-TTY", "sync", "llama-swap-sync", "update", "--check")
    assert (found.returncode, "tiny-Q8_0.gguf" in found.stdout) == (0, True), found
    assert (box.models / TINY_PATH).read_bytes() != new
    done = box.compose("exec", "--no-TTY", "sync", "llama-swap-sync", "update", "--all")
    assert done.returncode == 0, done
    assert (box.models / TINY_PATH).read_bytes() == new
    assert (box.models / TINY_PATH).stat().st_uid == box.models.stat().st_uid
    _assert_accepted_by_sha256sum(box.models / TINY_PATH)


def test_without_the_hub_serving_goes_on_and_a_model_taken_out_stays(new_hub_box: NewHubBox) -> None:
    box, _ = new_hub_box(SYNC_MODELS=f"{TINY} {SHARDED}")
    box.start()
    await_condition(lambda: box.listed() == {TINY_ID, SHARDED_ID}, "both models being listed", 120)
    started = box.state("llama-swap")["StartedAt"]

    assert box.compose("stop", "hub").returncode == 0
    box.configure(SYNC_MODELS=f"{TINY} owner/Third-GGUF:Q8_0")
    assert box.compose("up", "--detach", "--no-deps", "sync").returncode == 0
    told = await_condition(
        lambda: re.findall(r".*owner/Third-GGUF.*(?:tried again later).*", box.logs("sync")),
        "a line on the Hub that is away",
        90,
    )

    assert len(told) == 1, told
    assert "hub can't be reached" in told[0]
    assert f"{SHARDED} was taken out of SYNC_MODELS; its files stay" in box.logs("sync")
    assert all((box.models / path).exists() for path in SHARD_PATHS)
    assert box.listed() == {TINY_ID, SHARDED_ID}
    assert len(box.chat(SHARDED_ID, "Hello", max_tokens=16)) == 16
    assert box.state("llama-swap")["StartedAt"] == started
    assert "Traceback" not in box.logs("sync")


def test_a_restart_in_the_middle_of_a_download_resumes_it(new_hub_box: NewHubBox) -> None:
    box, hub = new_hub_box(SYNC_MODELS=TINY)
    whole = write_chat_model(hub.root / TINY_PATH, width=512).stat().st_size
    before = whole * 3 // 4
    assert box.compose("up", "--detach", "hub").returncode == 0
    await_condition(lambda: box.state("hub")["Health"]["Status"] == "healthy", "a healthy Hub")
    hub.faults({"match": "GET /storage", "kind": "trickle", "at": before})
    box.start()
    await_condition(lambda: _staged(box) > 0 and hub.sent() >= before, "the first part in staging", 60)

    assert box.compose("restart", "sync").returncode == 0
    await_condition(lambda: box.listed() == {TINY_ID}, f"{TINY_ID} being listed", 120)

    ranges = [request["range"] for request in hub.requests("GET", "storage")]
    assert ranges[0] is None
    assert re.fullmatch(r"bytes=[1-9]\d+-", ranges[-1] or ""), ranges
    assert (box.models / TINY_PATH).read_bytes() == (hub.root / TINY_PATH).read_bytes()
    assert sorted(path.name for path in box.models.iterdir()) == ["owner"], "staging was left behind"


def test_compose_run_downloads_and_its_exit_codes_come_through(new_hub_box: NewHubBox) -> None:
    box, hub = new_hub_box()
    box.start()
    await_condition(lambda: box.state("llama-swap")["Health"]["Status"] == "healthy", "llama-swap healthy")

    assert _download(box, "gemma") == (1, True)
    assert _download(box, "owner/Gone-GGUF:Q8_0") == (2, True)
    hub.faults({"match": "GET /storage", "kind": "wrong", "at": 100, "times": -1})
    assert _download(box, TINY) == (3, True)
    assert not (box.models / TINY_PATH).exists()
    hub.faults()
    assert _download(box, TINY)[0] == 0
    _assert_accepted_by_sha256sum(box.models / TINY_PATH)
    await_condition(lambda: box.listed() == {TINY_ID}, f"{TINY_ID} being listed", 60)


def _download(box: Box, reference: str) -> tuple[int, bool]:
    """The exit code of `compose run`, and whether what was said names the model."""
    done = box.compose("run", "--rm", "--no-TTY", "--no-deps", "sync", "download", reference)
    assert "Traceback" not in done.stderr + done.stdout, done
    return done.returncode, reference.split(":")[0].split("/")[-1] in done.stderr + done.stdout


def _staged(box: Box) -> int:
    return sum(path.stat().st_size for path in box.models.glob(".*/*") if path.is_file())


def _assert_accepted_by_sha256sum(path: Path) -> None:
    assert _is_accepted(path), f"`sha256sum -c {path.name}.sha256` fails"


def _is_accepted(path: Path) -> bool:
    command = ["sha256sum", "--check", "--strict", f"{path.name}.sha256"]
    return subprocess.run(command, cwd=path.parent, capture_output=True).returncode == 0


@contextmanager
def _watched(path: Path) -> Iterator[set[str]]:
    """Every content of `path` that a reader finds meanwhile; one that finds none fails."""
    seen: set[str] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add(_digest(path.read_bytes()) if path.exists() else "nothing")
            time.sleep(0.005)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
