"""The program `run` as supervisord starts it, on a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HEALTHCHECK = Path(__file__).parents[3] / "healthcheck.py"


def environ(folder: Path, **more: str) -> dict[str, str]:
    for name in ("models", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(HEALTHCHECK.parent),
        "TMPDIR": str(folder / "tmp"),
        "LLAMA_SWAP_CONFIG": str(folder / "config.yaml"),
        "LLAMA_SWAP_MODELS_DIR": str(folder / "models"),
        "LLAMA_SWAP_URL": "",
        "SYNC_APPLY": "none",
        "SYNC_UPDATES": "off",
        "SYNC_STATUS_PORT": "0",
        "SYNC_SETTLE": "30s",
        **more,
    }


@contextmanager
def program(folder: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "llama_swap_sync", "run"]
    with subprocess.Popen(command, env=environ(folder, **more), stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def said(running: subprocess.Popen[str]) -> str:
    assert running.stderr is not None
    return running.stderr.read()


def health(folder: Path, **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(HEALTHCHECK)],
        env=environ(folder, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def life(folder: Path) -> dict[str, Any]:
    file = folder / "tmp" / f"llama-swap-sync-{os.getuid()}" / "life.json"
    try:
        value: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return value


def test_it_is_healthy_while_it_looks_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with program(tmp_path) as running:
        wait_for(lambda: health(tmp_path) == (0, "healthy\n"))
        running.terminate()
        assert running.wait(5) == 0
        assert said(running).endswith(f"Looking at {tmp_path}/models every 15 s\n")
    assert health(tmp_path) == (
        1,
        "The loop has not looked at the models directory yet; the log says what it waits for\n",
    )


def test_a_loop_that_is_killed_again_and_again_is_unhealthy_and_says_so(tmp_path: Path) -> None:
    for death in range(3):
        with program(tmp_path) as running:
            wait_for(lambda: life(tmp_path).get("crashes") == death)  # noqa: B023 - called in this turn only
            wait_for(lambda: health(tmp_path)[0] == 0)
            running.send_signal(signal.SIGKILL)
            running.wait()
    with program(tmp_path) as running:
        wait_for(lambda: life(tmp_path).get("crashes") == 3)
        assert health(tmp_path) == (
            1,
            "The loop has crashed 3 times in a row, each time soon after its start; the log says why\n",
        )
        running.terminate()
        assert "Started again after it ended without being told to, 3 times in a row" in said(running)


def test_a_models_directory_that_is_not_there_is_the_reason(tmp_path: Path) -> None:
    missing = {"LLAMA_SWAP_MODELS_DIR": str(tmp_path / "share"), "SYNC_INTERVAL": "1s"}
    with program(tmp_path, **missing):
        wait_for(lambda: "share" in health(tmp_path, **missing)[1])
        (tmp_path / "share").mkdir()
        wait_for(lambda: health(tmp_path, **missing)[0] == 0)


def test_wrong_settings_under_supervisord_are_said_once_and_stay_the_reason(tmp_path: Path) -> None:
    wrong = {"SYNC_INTERVAL": "soon", "SYNC_PRUNE": "perhaps", "SUPERVISOR_ENABLED": "1"}
    with program(tmp_path, **wrong) as running:
        wait_for(lambda: health(tmp_path)[1].count("\n") == 2)
        assert health(tmp_path) == (
            1,
            "SYNC_INTERVAL=soon must be a duration such as 15s, 5m or 1h30m.\n"
            "SYNC_PRUNE=perhaps must be true or false.\n",
        )
        assert running.poll() is None
        running.terminate()
        assert running.wait(5) == 1
        assert said(running).count("SYNC_INTERVAL") == 1


def test_wrong_settings_on_the_command_line_end_it_at_once(tmp_path: Path) -> None:
    with program(tmp_path, SYNC_INTERVAL="soon") as running:
        assert running.wait(10) == 1
        assert said(running) == (
            "llama-swap-sync: SYNC_INTERVAL=soon must be a duration such as 15s, 5m or 1h30m.\n"
        )


def test_the_loop_loads_nothing_that_a_pass_needs(tmp_path: Path) -> None:
    script = (
        "import sys, os, threading, signal\n"
        "threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()\n"
        "from llama_swap_sync import cli\n"
        "cli.run(['run'], os.environ)\n"
        "heavy = {'yaml', 'requests', 'docker', 'huggingface_hub', 'http.client', 'asyncio', 'filelock'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_health_check_is_quick_and_small(tmp_path: Path) -> None:
    script = (
        "import resource, subprocess, sys\n"
        f"subprocess.run([sys.executable, {str(HEALTHCHECK)!r}], capture_output=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_maxrss, round(1000 * (used.ru_utime + used.ru_stime)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ(tmp_path), capture_output=True, text=True, check=True
    )
    kilobytes, milliseconds = map(int, done.stdout.split())
    assert kilobytes < 20_000
    assert milliseconds < 150
