"""The command that the loop starts: declared models, updates on schedule, and what it leaves alone."""

from __future__ import annotations

import json
import shutil

from tests.unit.hub.box import Box
from tests.unit.hub.commands import command, state

MODEL = "model-Q4_K_M.gguf"


def test_fetch_makes_declared_models_be_there_the_largest_last(box: Box) -> None:
    box.put("large-Q8_0.gguf", 900_000)
    box.put("small-Q4_0.gguf", 100_000)
    declared = f"{box.repo}:Q8_0 nobody/Nothing-GGUF, {box.repo}:Q4_0"
    done = command(box, "fetch", SYNC_MODELS=declared)
    assert done.returncode == 2
    assert "nobody/Nothing-GGUF is tried again later, other models go on" in done.stderr
    assert [request["sent"] for request in box.bodies()] == [100_000, 900_000]
    box.hub.forget()
    assert command(box, "fetch", SYNC_MODELS=declared).returncode == 2
    assert not box.hub.requests(), "what is there needs no Hub, and what failed is not due yet"


def test_fetch_needs_no_hub_for_what_is_there(box: Box) -> None:
    box.put(MODEL)
    declared = f"{box.repo}:Q4_K_M"
    assert command(box, "fetch", SYNC_MODELS=declared).returncode == 0
    offline = command(box, "fetch", SYNC_MODELS=declared, HF_ENDPOINT="http://127.0.0.1:9")
    assert offline.returncode == 0
    assert offline.stderr == ""


def test_a_model_taken_out_of_the_declaration_stays_on_disk_and_this_is_said_once(box: Box) -> None:
    box.put(MODEL)
    command(box, "fetch", SYNC_MODELS=f"{box.repo}:Q4_K_M")
    done = command(box, "fetch")
    assert done.returncode == 0
    assert f"{box.repo}:Q4_K_M was taken out of SYNC_MODELS; its files stay" in done.stderr
    assert box.place(MODEL).exists()
    assert command(box, "fetch").stderr == ""


def test_fetch_reports_updates_or_applies_them(box: Box) -> None:
    old = box.put(MODEL, seed=1)
    declared = f"{box.repo}:Q4_K_M"
    command(box, "fetch", SYNC_MODELS=declared)
    data = box.put(MODEL, seed=2)
    command(box, "fetch", "--updates", "check", SYNC_MODELS=declared)
    assert state(box, "updates")["pending"] == [
        f"{box.repo}/{MODEL}: new version of 2026-11-20, 300 kB to download"
    ]
    assert box.place(MODEL).read_bytes() == old
    assert command(box, "fetch", "--updates", "apply", SYNC_MODELS=declared).returncode == 0
    assert box.place(MODEL).read_bytes() == data
    assert state(box, "updates")["pending"] == []


def test_fetch_looks_for_updates_when_the_schedule_has_come_round_and_only_then(box: Box) -> None:
    box.put(MODEL)
    declared = f"{box.repo}:Q4_K_M"
    command(box, "fetch", SYNC_MODELS=declared)
    kept = box.models.parent / "config" / ".llama-swap-sync"
    ring = {"version": 1, "value": {"rung_at": "2026-11-24T04:00:00+00:00"}}
    (kept / "update-schedule.json").write_text(json.dumps(ring))
    box.hub.forget()
    command(box, "fetch", SYNC_MODELS=declared)
    assert [r["path"] for r in box.hub.requests()] == [f"/api/models/{box.repo}/revision/main"]
    (kept / "updates.json").write_text(
        json.dumps({"version": 1, "value": {"checked_at": "2026-11-24T04:00:01+00:00", "pending": []}})
    )
    box.hub.forget()
    command(box, "fetch", SYNC_MODELS=declared)
    assert not box.hub.requests()


def test_an_unmounted_share_is_not_filled_up_under_its_mount_point(box: Box) -> None:
    box.put(MODEL)
    declared = f"{box.repo}:Q4_K_M"
    command(box, "fetch", SYNC_MODELS=declared)
    shutil.rmtree(box.models)
    box.hub.forget()
    done = command(box, "fetch", SYNC_MODELS=declared)
    assert done.returncode == 2
    assert f"{box.models} is empty, though models were downloaded there: is its share mounted?" in done.stderr
    elsewhere = box.models.parent / "nowhere"
    done = command(box, "fetch", SYNC_MODELS=declared, LLAMA_SWAP_MODELS_DIR=str(elsewhere))
    assert done.returncode == 2
    assert f"{elsewhere} is missing; mount it or make it" in done.stderr
    assert not box.hub.requests()
    (box.models / "any").touch()
    assert command(box, "fetch", SYNC_MODELS=declared).returncode == 0
    assert box.place(MODEL).exists()


def test_a_check_that_could_not_be_made_stays_due_and_stops_nothing(box: Box) -> None:
    box.put(MODEL)
    declared = f"{box.repo}:Q4_K_M"
    command(box, "fetch", SYNC_MODELS=declared)
    box.hub.faults({"match": "GET /api/models", "kind": "status", "status": 429, "times": 1})
    done = command(box, "fetch", "--updates", "apply", SYNC_MODELS=declared)
    assert done.returncode == 2
    assert (
        "127.0.0.1 asks for fewer requests (HTTP 429); its downloaded files stay and are served"
        in done.stderr
    )
    assert "checked_at" not in state(box, "updates")
    assert command(box, "fetch", "--updates", "apply", SYNC_MODELS=declared).returncode == 0
    assert "checked_at" in state(box, "updates")


def test_a_declared_model_that_was_replaced_by_hand_is_left_alone_by_updates(box: Box) -> None:
    box.put(MODEL, seed=1)
    declared = f"{box.repo}:Q4_K_M"
    command(box, "fetch", SYNC_MODELS=declared)
    box.place(MODEL).write_bytes(b"mine")
    box.put(MODEL, seed=2)
    done = command(box, "fetch", "--updates", "apply", SYNC_MODELS=declared)
    assert done.returncode == 1
    assert "was left alone: its content is neither what was downloaded nor what the Hub has" in done.stderr
    assert box.place(MODEL).read_bytes() == b"mine"
    assert command(box, "update", "--all").returncode == 1
    assert command(box, "update", "--all", "--force").returncode == 0
    assert command(box, "verify").returncode == 0
