"""A run with nothing to do costs hardly more than starting Python: told by a fingerprint, without parsing."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gguf_files import write_chat_model

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


def cpu_of(*command: str) -> float:
    """Seconds of CPU of the quickest of seven runs of a whole process."""
    quickest = float("inf")
    for _ in range(7):
        began = spent_by_children()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        quickest = min(quickest, spent_by_children() - began)
    return quickest


def spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def a_thousand_models(folder: Path) -> None:
    """Copies of one tiny model: the cost of a look does not depend on their size."""
    folder.mkdir()
    write_chat_model(folder / "model-0-Q8_0.gguf", name="Tiny", context=512)
    data = (folder / "model-0-Q8_0.gguf").read_bytes()
    for number in range(1, 1000):
        (folder / f"model-{number}-Q8_0.gguf").write_bytes(data)


def test_an_idle_run_at_1000_models_costs_at_most_three_imports_of_yaml(tmp_path: Path) -> None:
    a_thousand_models(tmp_path / "models")
    sync = (
        "-m",
        "llama_swap_sync",
        "sync",
        "--no-restart",
        "--quiet",
        "--models-dir",
        str(tmp_path / "models"),
        "--config",
        str(tmp_path / "config.yaml"),
    )
    subprocess.run([sys.executable, *sync], check=True)
    entries = (tmp_path / "config.yaml").read_text(encoding="utf-8").count("\n    cmd: ")
    assert entries == 1000
    stamp = (tmp_path / "config.yaml").stat().st_mtime_ns
    bare, idle = cpu_of("-c", "import yaml"), cpu_of(*sync)
    print(f"import yaml {bare:.3f} s, idle run {idle:.3f} s: {idle / bare:.2f} times (at most 3)")
    assert (tmp_path / "config.yaml").stat().st_mtime_ns == stamp
    assert idle <= 3 * bare
