"""The command line's face: one-line refusals, exit codes, and nothing loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HEAVY = ("requests", "docker", "huggingface_hub", "yaml")


def command(arguments: Sequence[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llama_swap_sync", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules_loaded_by(arguments: Sequence[str], folder: Path) -> set[str]:
    code = (
        "import sys\n"
        "from llama_swap_sync.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit as ended:\n"
        "    print('\\nEXIT', ended.code, *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    exit_line = done.stdout.rsplit("EXIT ", 1)[1].split()
    assert exit_line[0] in ("0", "None"), done.stderr
    return set(exit_line[1:])


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = modules_loaded_by(["--help"], tmp_path)
    assert "argparse" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_an_idle_run_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert "yaml" in modules_loaded_by(["sync", "--no-restart"], tmp_path)
    assert modules_loaded_by(["sync", "--no-restart"], tmp_path).isdisjoint(HEAVY)


def test_a_pass_without_a_models_directory_ends_with_the_line_that_says_so(tmp_path: Path) -> None:
    done = command(["sync", "--no-restart"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith(
        " error: The models directory models is missing: mount it, or set LLAMA_SWAP_MODELS_DIR.\n"
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = command(["--help"], tmp_path).stdout
    for name in [
        "sync",
        "list",
        "download",
        "update",
        "verify",
        "restore",
        "check",
        "config",
        "status",
        "run",
    ]:
        assert f"\n  {name} " in shown


def test_an_unknown_command_is_one_line_and_exit_1(tmp_path: Path) -> None:
    done = command(["snyc"], tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "invalid choice: 'snyc'" in done.stderr


def test_an_unknown_option_is_one_line_and_exit_1(tmp_path: Path) -> None:
    done = command(["--prone"], tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "llama-swap-sync: unrecognized arguments: --prone; see llama-swap-sync sync --help\n"
    )


def test_every_wrong_setting_is_one_line_at_start(tmp_path: Path) -> None:
    done = command(["sync"], tmp_path, SYNC_INTERVAL="soon", SYNC_PRUNE="maybe")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "llama-swap-sync: SYNC_INTERVAL=soon must be a duration such as 15s, 5m or 1h30m.",
        "llama-swap-sync: SYNC_PRUNE=maybe must be true or false.",
    ]


def test_config_shows_where_a_value_came_from(tmp_path: Path) -> None:
    shown = command(["config", "--config", "my.yaml"], tmp_path, SYNC_TTL="9", HF_TOKEN="hf_s3cret").stdout
    assert "LLAMA_SWAP_CONFIG          my.yaml  [option]\n" in shown
    assert "SYNC_TTL                   9  [environment]\n" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["sync", "--help"], ["config", "--help"]])
def test_asking_for_help_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    assert command(arguments, tmp_path).returncode == 0


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    pipe = f"{sys.executable} -m llama_swap_sync config | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", pipe], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""
