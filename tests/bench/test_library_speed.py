"""What the library costs, as ratios in one run: a header to the `gguf` package, a look to `find`."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from llama_swap_sync.library.scan import look
from tests.gguf_bytes import lay

pytestmark = pytest.mark.bench

VOCABULARY = 262_144
MODELS = 1_000
# VmHWM and not ru_maxrss, which a process takes over from the one that started it.
MEASURED = """
import sys, time
from pathlib import Path
{imports}
def most_resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
file = Path(sys.argv[1])
before, started = most_resident(), time.process_time()
{work}
print(time.process_time() - started, most_resident() - before)
"""
OURS = MEASURED.format(
    imports=(
        "from llama_swap_sync.library.cache import Headers\nfrom llama_swap_sync.library.scan import look"
    ),
    work=(
        "seen = look(file.parent)\n"
        "assert Headers().header(file.parent, file.name, seen.files[file.name]).embedding_length == 1152"
    ),
)
THEIRS = MEASURED.format(imports="import gguf", work="gguf.GGUFReader(file)")


def in_a_process_of_its_own(script: str, file: Path) -> tuple[float, int]:
    """CPU seconds, and kilobytes by which the most resident memory grew."""
    run = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, check=True)
    seconds, kilobytes = run.stdout.split()
    return float(seconds), int(kilobytes)


def write_large_vocabulary(path: Path) -> Path:
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_embedding_length(1152)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"token {number}" for number in range(VOCABULARY)])
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([1] * VOCABULARY)
    writer.add_tensor("token_embd.weight", np.zeros((4, 1152), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_header_costs_a_two_hundredth_of_the_gguf_package_and_under_five_megabytes(tmp_path: Path) -> None:
    file = write_large_vocabulary(tmp_path / "large.gguf")
    theirs, _ = in_a_process_of_its_own(THEIRS, file)
    runs = [in_a_process_of_its_own(OURS, file) for _ in range(5)]
    ours, memory = min(seconds for seconds, _ in runs), max(kilobytes for _, kilobytes in runs)
    print(f"header: {ours * 1000:.1f} ms, 1/{theirs / ours:.0f} of the package's, {memory} kB more")
    assert ours <= theirs / 200
    assert memory < 5_000


def cpu_of_find(root: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["find", str(root), "-name", "*.gguf", "-printf", "%s %T@\n"]
    found = subprocess.run(command, capture_output=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.count(b"\n") == MODELS
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_of_look(root: Path) -> float:
    started = time.process_time()
    seen = look(root)
    spent = time.process_time() - started
    assert len(seen.files) == MODELS
    return spent


def in_one_folder(number: int) -> str:
    return f"Some-Model-{number}-Q4_K_M.gguf"


def in_folders_of_publishers(number: int) -> str:
    return f"owner{number % 25}/Some-Model-{number}-GGUF/Some-Model-{number}-Q4_K_M.gguf"


@pytest.mark.parametrize("layout", [in_one_folder, in_folders_of_publishers])
def test_idle_look_at_a_thousand_models_costs_no_more_than_one_and_a_half_finds(
    tmp_path: Path, layout: Callable[[int], str]
) -> None:
    lay(tmp_path, {layout(number): b"x" for number in range(MODELS)})
    pairs = [(cpu_of_find(tmp_path), cpu_of_look(tmp_path)) for _ in range(15)]
    find, ours = (sorted(times)[len(pairs) // 2] for times in zip(*pairs, strict=True))
    print(f"look ({layout.__name__}): {ours * 1000:.1f} ms, {ours / find:.2f} finds")
    assert ours <= 1.5 * find
