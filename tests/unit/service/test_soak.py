from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "soaked.py"
ROOT = Path(__file__).parents[3]


def test_two_thousand_looks_with_churn_grow_neither_memory_nor_handles(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "2000"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["passes"] > 100
    assert result["late"]["pss"] - result["early"]["pss"] < 2048
    assert result["late"]["descriptors"] <= result["early"]["descriptors"]
