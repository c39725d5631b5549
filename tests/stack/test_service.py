"""The sync's container left to itself: who owns what it writes, what it survives, what it costs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from llama_swap_sync import __version__
from tests.gguf_files import write_chat_model
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox
from tests.stack.lone_sync import LoneSync, NewSync, give

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("owner", [(1000, 1000), (99, 100), (0, 0)], ids=["1000", "99:100", "root"])
def test_what_it_writes_belongs_to_puid_and_pgid(new_sync: NewSync, owner: tuple[int, int]) -> None:
    sync = new_sync(PUID=str(owner[0]), PGID=str(owner[1]), UMASK="022")
    give(sync, *owner)
    sync.add_model("tiny.gguf")
    sync.start()
    sync.await_entry("tiny")
    sync.await_health("healthy\n")
    written = [path.stat() for path in (sync.config, *sync.config_folder.rglob("*.json"))]
    assert {(status.st_uid, status.st_gid) for status in written} == {owner}
    assert {status.st_mode & 0o777 for status in written} <= {0o644, 0o600}


def test_it_works_when_it_is_started_as_somebody_already(new_sync: NewSync) -> None:
    sync = new_sync("--user=1000:1000")
    give(sync, 1000, 1000)
    sync.add_model("tiny.gguf")
    sync.start()
    sync.await_entry("tiny")
    sync.await_health("healthy\n")
    assert sync.config.stat().st_uid == 1000


@pytest.mark.parametrize("gid", [999, 0])
def test_the_sockets_group_is_joined_whatever_its_number(new_sync: NewSync, tmp_path: Path, gid: int) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as docker:
        docker.bind(str(path))
        os.chown(path, 0, gid)
        path.chmod(0o660)
        sync = new_sync(f"--volume={path}:/var/run/docker.sock", PUID="1000", PGID="1000")
        give(sync, 1000, 1000)
        sync.start()
        programs = await_condition(lambda: "run" in (found := sync.programs()) and found, "the loop's start")
        assert isinstance(programs, dict)
        status = Path(f"/proc/{programs['run']}/status").read_text()
    groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
    assert set(groups.split()[1:]) == {"1000", str(gid)}
    assert "CapEff:\t0000000000000000" in status


def test_a_folder_of_someone_else_gives_a_line_with_the_chown_and_heals_with_it(new_sync: NewSync) -> None:
    sync = new_sync(PUID="1000", PGID="1000", SYNC_SETTLE="1s")
    sync.add_model("tiny.gguf")
    (sync.config_folder / "mine.txt").write_text("not empty, so not given away")
    sync.config_folder.chmod(0o755)
    sync.start()
    await_condition(lambda: "chown" in sync.log(), "a line with the chown to run")
    await_condition(lambda: "healthy" not in sync.health(), "the health check's no")
    give(sync, 1000, 1000)
    sync.add_model("another.gguf")
    sync.await_entry("another")
    sync.await_health("healthy\n")


def test_wrong_settings_are_all_named_once_and_are_the_reason(new_sync: NewSync) -> None:
    sync = new_sync(SYNC_INTERVAL="soon", SYNC_PRUNE="perhaps")
    sync.start()
    told = (
        "SYNC_INTERVAL=soon must be a duration such as 15s, 5m or 1h30m.\n"
        "SYNC_PRUNE=perhaps must be true or false.\n"
    )
    sync.await_health(told)
    assert sync.log() == "".join(f"llama-swap-sync: {line}\n" for line in told.splitlines())


def test_models_that_disappear_are_not_pruned_and_return_without_help(new_sync: NewSync) -> None:
    sync = new_sync(
        LLAMA_SWAP_MODELS_DIR="/models/share",
        SYNC_PRUNE="true",
        SYNC_PRUNE_GRACE="0s",
        SYNC_PRUNE_LIMIT="100%",
    )
    (sync.models / "share").mkdir()
    sync.add_model("share/tiny.gguf")
    sync.start()
    sync.await_entry("tiny")
    before = sync.config.read_bytes()
    (sync.models / "share").rename(sync.models / "away")
    sync.await_health("/models/share")
    time.sleep(3)  # three looks in which a careless sync would prune
    assert sync.config.read_bytes() == before
    (sync.models / "away").rename(sync.models / "share")
    sync.await_health("healthy\n")
    assert sync.config.read_bytes() == before


def test_an_unmounted_share_is_not_taken_for_an_emptied_folder(new_sync: NewSync, tmp_path: Path) -> None:
    above = tmp_path / "above"
    share = above / "share"
    share.mkdir(parents=True)
    if not mounted(above, share):
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        sync = new_sync(
            f"--mount=type=bind,source={above},target=/above,bind-propagation=rslave",
            LLAMA_SWAP_MODELS_DIR="/above/share",
            SYNC_PRUNE="true",
            SYNC_PRUNE_GRACE="0s",
            SYNC_PRUNE_LIMIT="100%",
        )
        shutil.copy(sync.add_model("tiny.gguf"), share / "tiny.gguf")
        sync.start()
        sync.await_entry("tiny")
        before = sync.config.read_bytes()
    finally:
        subprocess.run(["umount", "--lazy", str(share)], check=True)
        subprocess.run(["umount", "--lazy", str(above)], check=True)
    sync.await_health("is empty and no longer the folder that held 1 model files")
    assert sync.config.read_bytes() == before


def mounted(above: Path, share: Path) -> bool:
    """A share (a tmpfs) below a folder from which mounts and unmounts reach the container."""
    steps = (
        ["mount", "--bind", str(above), str(above)],
        ["mount", "--make-shared", str(above)],
        ["mount", "-t", "tmpfs", "none", str(share)],
    )
    return all(subprocess.run(step, capture_output=True).returncode == 0 for step in steps)


def test_a_config_that_a_person_deletes_is_made_again_and_an_edit_is_kept(new_sync: NewSync) -> None:
    sync = new_sync()
    sync.add_model("tiny.gguf")
    sync.start()
    sync.await_entry("tiny")
    sync.config.unlink()
    sync.await_entry("tiny")
    with sync.config.open("a") as config:
        config.write("# mine\n")
    sync.add_model("second.gguf")
    sync.await_entry("second")
    assert sync.config.read_text().count("# mine\n") == 1


def test_a_loop_that_is_killed_comes_back_and_a_crash_loop_is_unhealthy(new_sync: NewSync) -> None:
    sync = new_sync()
    sync.start()
    sync.await_health("healthy\n")
    killed = 0
    for _ in range(3):
        pid = await_condition(lambda: next_life(sync, killed), "a new life", 60)  # noqa: B023 - called here only
        os.kill(pid, signal.SIGKILL)
        killed = pid
    sync.await_health("The loop has crashed 3 times in a row")
    assert "Started again after it ended without being told to" in sync.log()


def next_life(sync: LoneSync, killed: int) -> int:
    """The loop's process once it has looked; 0 until then, or while it is the one that was killed."""
    pid = sync.programs().get("run", 0)
    return pid if pid != killed and "ended" not in (told := sync.health()) and "not looked" not in told else 0


def test_docker_stop_ends_all_of_it_within_five_seconds(new_sync: NewSync) -> None:
    sync = new_sync()
    sync.start()
    sync.await_health("healthy\n")
    began = time.monotonic()
    subprocess.run(["docker", "stop", "--time", "10", sync.name], check=True, capture_output=True)
    assert time.monotonic() - began < 5
    inspected = subprocess.run(
        ["docker", "inspect", "--format", "{{.State.ExitCode}}", sync.name], capture_output=True, text=True
    )
    assert inspected.stdout.strip() == "0"


def test_a_hundred_models_at_rest_cost_next_to_nothing_and_no_line(new_sync: NewSync) -> None:
    sync = new_sync(SYNC_INTERVAL="15s")
    model = sync.add_model("model00.gguf").read_bytes()
    for number in range(1, 100):
        (sync.models / f"model{number:02}.gguf").write_bytes(model)
    sync.start()
    sync.await_entry("model99")
    await_condition(lambda: "pass" not in sync.programs(), "the pass's end")
    programs, log = sync.programs(), sync.log()
    memory = sum(pss(pid) for pid in programs.values())
    before, began = sum(map(cpu_seconds, programs.values())), time.monotonic()
    time.sleep(45)  # three looks: there is no condition to await, rest is what is measured
    share = (sum(map(cpu_seconds, programs.values())) - before) / (time.monotonic() - began)
    assert len(programs) == 3
    assert memory <= 60_000, "kB"
    assert share <= 0.002
    assert sync.log() == log


def pss(pid: int) -> int:
    words = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
    return int(words[words.index("Pss:") + 1])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_check_finds_nothing_to_do_on_a_box_as_shipped_and_names_what_is_broken(new_box: NewBox) -> None:
    box = new_box()
    write_chat_model(box.models / "tiny.gguf")
    box.start()
    await_condition(lambda: box.listed() == {"tiny"}, "tiny being listed")
    checked = box.compose("exec", "-T", "sync", "llama-swap-sync", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "ok  its API         http://llama-swap:8080 lists 1 models" in checked.stdout
    assert "ok  its config      /config/config.yaml from" in checked.stdout
    box.compose("stop", "--timeout", "1", "llama-swap")
    checked = box.compose("exec", "-T", "sync", "llama-swap-sync", "check")
    assert checked.returncode == 1
    assert f"run `docker start {box.container}`" in checked.stdout
    box.compose("start", "llama-swap")


def test_the_whole_stack_is_healthy_for_docker_and_for_a_monitor(new_box: NewBox) -> None:
    box = new_box()
    box.start()
    await_condition(lambda: health(box)["Status"] == "healthy", "the sync being healthy", 90)
    assert health(box)["Log"][-1]["Output"] == "healthy\n"
    with urllib.request.urlopen(f"{box.status_url}/healthz", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"healthy\n")


def health(box: Box) -> dict[str, Any]:
    told: dict[str, Any] = box.state("sync")["Health"]
    return told


def test_every_line_is_json_in_the_zone_of_tz_and_no_secret_is_told_anywhere(new_sync: NewSync) -> None:
    sync = new_sync(
        SYNC_LOG_FORMAT="json",
        SYNC_LOG_LEVEL="debug",
        TZ="Europe/Berlin",
        PUID="1000",
        PGID="1000",
        HF_TOKEN="hf_very-secret",
        LLAMA_SWAP_API_KEY="sk-very-secret",
        LLAMA_SWAP_MODELS_DIR="/models/share",
        SYNC_MODELS="ggml-org/tiny:Q4_K_M",
        SYNC_RETRIES="0",
        SYNC_APPLY="restart",
        DOCKER_HOST="tcp://127.0.0.1:1",
    )
    give(sync, 1000, 1000)
    sync.start()
    await_condition(lambda: "declared models wait" in sync.log(), "the fetch's line")
    (sync.models / "share").mkdir()
    sync.add_model("share/tiny.gguf")
    sync.await_health("Docker does not answer at tcp://127.0.0.1:1 (Connection refused)")
    sync.await_entry("tiny")
    page = ("python", "-c", "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8081').read())")
    told = [sync.run(*command).stdout for command in ask("config", "status", "check", "list")]
    told += [sync.health(), sync.run(*page).stdout, sync.config.read_text()]
    sync.end()
    lines = [json.loads(line) for line in sync.log().splitlines()]
    assert {tuple(line) for line in lines} == {("time", "level", "room", "message")}
    assert {datetime.fromisoformat(line["time"]).utcoffset() for line in lines} == {berlin_offset()}
    assert {"apply", "commands", "service"} <= {line["room"] for line in lines}
    assert all(told)
    assert "very-secret" not in "".join(told) + sync.log()


def test_the_image_holds_this_version_and_not_the_empty_package_of_its_first_layer(new_sync: NewSync) -> None:
    sync = new_sync()
    sync.start()
    assert sync.run("llama-swap-sync", "--version").stdout == f"llama-swap-sync {__version__}\n"


def ask(*names: str) -> list[tuple[str, str]]:
    return [("llama-swap-sync", name) for name in names]


def berlin_offset() -> timedelta | None:
    return datetime.now(ZoneInfo("Europe/Berlin")).utcoffset()
