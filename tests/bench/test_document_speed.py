"""A plan costs no more than reading the file twice, and grows in step with it. Ratios within one run."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llama_swap_sync.config.document import Document
from tests.unit.config.config_samples import planned

pytestmark = pytest.mark.bench

ONE_RUN = """
import sys
from pathlib import Path
from tests.unit.config.config_samples import planned
path, count = Path(sys.argv[1]), int(sys.argv[2])
models = [f"org/repo-{n}/model-{n}-Q4_K_M.gguf" for n in range(count)]
plan = planned(path.read_bytes(), *models, "org/new.gguf", exists=lambda _: True)
assert len(plan.changes) == 1, plan.changes[:3]
"""


def model_paths(count: int) -> list[str]:
    return [f"org/repo-{number}/model-{number}-Q4_K_M.gguf" for number in range(count)]


def best_of(times: int, run: Callable[[], object]) -> float:
    """Seconds of CPU of the quickest run: what other processes do to the clock is left out."""
    quickest = float("inf")
    for _ in range(times):
        gc.collect()
        began = time.process_time()
        run()
        quickest = min(quickest, time.process_time() - began)
    return quickest


def test_adding_a_model_to_1000_entries_costs_at_most_two_bare_loads() -> None:
    data = planned(b"", *model_paths(1000)).after
    load = best_of(5, lambda: yaml.load(data, yaml.CSafeLoader))
    plan = best_of(5, lambda: planned(data, *model_paths(1000), "org/new.gguf", exists=lambda _: True))
    print(f"bare load {load:.3f} s, plan and proof {plan:.3f} s: {plan / load:.2f} times (at most 2)")
    assert plan <= 2 * load


def test_10000_entries_cost_at_most_12_times_as_much_as_1000(tmp_path: Path) -> None:
    seconds = {}
    for count in (1000, 10_000):
        path = tmp_path / f"{count}.txt"
        path.write_bytes(planned(b"", *model_paths(count)).after)
        seconds[count] = min(whole_process(path, count) for _ in range(3))
    ratio = seconds[10_000] / seconds[1000]
    print(f"1,000: {seconds[1000]:.2f} s, 10,000: {seconds[10_000]:.2f} s: {ratio:.1f} times (at most 12)")
    assert ratio <= 12


def whole_process(path: Path, count: int) -> float:
    """Seconds of CPU that a process takes to start, read the file, plan one addition and prove it."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", ONE_RUN, str(path), str(count)], check=True, timeout=240)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_long_diff_is_printed_as_quickly_as_it_is_planned() -> None:
    data = planned(b"", *model_paths(1000)).after
    plan = planned(data, *model_paths(1000), "org/new.gguf", exists=lambda _: True)
    parse = best_of(3, lambda: Document.parse(data))
    diff = best_of(3, lambda: plan.diff("config.yaml"))
    print(f"parse {parse:.3f} s, diff {diff:.3f} s")
    assert diff <= parse
