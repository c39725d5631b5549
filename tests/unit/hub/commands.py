"""Runs the installed command against a box's stand-in and models directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.unit.hub.box import Box


def command(
    box: Box, *arguments: str, stdin: int = subprocess.DEVNULL, **environ: str
) -> subprocess.CompletedProcess[str]:
    config = box.models.parent / "config" / "config.yaml"
    config.parent.mkdir(exist_ok=True)
    if arguments[0] == "fetch":
        box.models.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "llama_swap_sync", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(box.models.parent),
            "HF_ENDPOINT": box.hub.endpoint,
            "LLAMA_SWAP_MODELS_DIR": str(box.models),
            "LLAMA_SWAP_CONFIG": str(config),
            "SYNC_RETRIES": "1",
            "SYNC_RETRY_DELAY": "0",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=stdin,
    )


def state(box: Box, name: str) -> dict[str, object]:
    text = (box.models.parent / "config" / ".llama-swap-sync" / f"{name}.json").read_text()
    value = json.loads(text)["value"]
    assert isinstance(value, dict)
    return value
