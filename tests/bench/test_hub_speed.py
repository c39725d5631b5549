"""Hashing against `sha256sum`, memory against size, and what cuts and kills of a 300 MB file cost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_standin.client import StandIn, running

pytestmark = pytest.mark.bench

MB = 1_000_000
CHUNK = 10 * MB
SPARSE = 2 * 1000 * MB
BIG = 300 * MB
REPO, FILE = "owner/Big-GGUF", "big-Q8_0.gguf"

_HASH = """
import resource, sys, time
from pathlib import Path
from llama_swap_sync.hub.checksum import sha256_of
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
sha256_of(Path(sys.argv[1]), lambda count: None)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def hashed(file: Path) -> tuple[float, int]:
    """Seconds, and kB of memory that hashing took on top of what the process had."""
    done = subprocess.run(
        [sys.executable, "-c", _HASH, str(file)], capture_output=True, text=True, check=True
    )
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)


def seconds_of_sha256sum(file: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["sha256sum", str(file)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def test_hashing_is_as_fast_as_sha256sum_and_takes_no_memory(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.gguf"
    with sparse.open("wb") as file:
        file.truncate(SPARSE)
    # The best of three, taken in turn: other work on the machine meets both.
    ours, theirs = [], []
    for _ in range(3):
        theirs.append(seconds_of_sha256sum(sparse))
        seconds, memory = hashed(sparse)
        ours.append(seconds)
        assert memory < 4_000, "kB, for a file of 2 GB"
    ratio = min(theirs) / min(ours)
    print(
        f"hashing: {ratio:.2f} times the speed of sha256sum, {SPARSE / min(ours) / MB:.0f} MB/s, {memory} kB"
    )
    assert ratio >= 0.9


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[StandIn]:
    with running(tmp_path / "hub") as standin:
        source = random.Random(7)
        standin.put(REPO, FILE, b"".join(source.randbytes(CHUNK) for _ in range(BIG // CHUNK)))
        yield standin


def started(hub: StandIn, models: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "llama_swap_sync", "download", f"{REPO}/{FILE}", "-q"],
        env={
            "PATH": os.environ["PATH"],
            "HF_ENDPOINT": hub.endpoint,
            "LLAMA_SWAP_MODELS_DIR": str(models),
            "SYNC_RETRY_DELAY": "0",
        },
        stderr=subprocess.DEVNULL,
        cwd=models.parent,
    )


def test_a_file_of_300_mb_cut_at_every_tenth_costs_at_most_a_chunk_a_cut(
    hub: StandIn, tmp_path: Path
) -> None:
    tenths = [BIG * tenth // 10 for tenth in range(1, 10)]
    hub.faults(*({"match": "GET /storage", "kind": "cut", "at": at} for at in tenths))
    with started(hub, tmp_path / "models") as process:
        assert process.wait(120) == 0
    assert (tmp_path / "models" / REPO / FILE).stat().st_size == BIG
    again = hub.sent() - BIG
    print(f"nine cuts cost {again / MB:.1f} MB again")
    assert len(hub.requests("GET", "storage")) == 10
    assert 0 <= again <= 9 * CHUNK


def test_a_file_of_300_mb_killed_at_every_tenth_costs_at_most_a_chunk_a_kill(
    hub: StandIn, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    for tenth in range(1, 10):
        with started(hub, models) as process:
            # While bytes flow: the kill finds some on their way, as a real one does.
            while _staged(models) < BIG * tenth // 10:
                assert process.poll() is None, "it ended before it was killed"
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
    with started(hub, models) as process:
        assert process.wait(120) == 0
    again = hub.sent() - BIG
    print(f"nine kills cost {again / MB:.1f} MB again")
    assert again <= 9 * CHUNK
    assert sorted(path.name for path in models.iterdir()) == ["owner"]


def _staged(models: Path) -> int:
    return sum(path.stat().st_size for path in (models / ".llama-swap-sync-staging").glob("*.partial"))
