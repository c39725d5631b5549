"""The images that a stack test runs: llama-swap's (given, official or the stand-in) and the sync's own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
OFFICIAL = "ghcr.io/mostlygeek/llama-swap:cpu"
LLAMA_SERVER = "llama-swap-sync-test/llama-server:forky"
STANDIN = "llama-swap-sync-test/llama-swap:standin"
SYNC = "llama-swap-sync-test/sync"
_PULL_SECONDS = 60
_BUILD_SECONDS = 900


class NoImage(RuntimeError):  # noqa: N818 - a state of the machine, not a slip
    """An image can be neither found nor made here; the text says which and what to do."""


@dataclass(frozen=True)
class LlamaSwapImage:
    """`origin`: given, official or stand-in."""

    name: str
    origin: str

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"


# Here and not in conftest.py: pytest loads that a second time under another name, and a key is an identity.
CHOSEN = pytest.StashKey[LlamaSwapImage]()


def engine_problem() -> str | None:
    """Why no Docker engine with Compose answers; None when one does."""
    for command in (["docker", "info", "--format", "{{.ServerVersion}}"], ["docker", "compose", "version"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{' '.join(command)}`: {error}"
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            return f"`{' '.join(command)}` fails: {reason[-1]}"
    return None


def choose_llama_swap() -> LlamaSwapImage:
    """LLAMA_SWAP_TEST_IMAGE, else the official image where it can be pulled, else the stand-in (unbuilt)."""
    if given := os.environ.get("LLAMA_SWAP_TEST_IMAGE"):
        return LlamaSwapImage(given, "given")
    if _present(OFFICIAL) or _pull(OFFICIAL):
        return LlamaSwapImage(OFFICIAL, "official")
    return LlamaSwapImage(STANDIN, "stand-in")


def make_ready(image: LlamaSwapImage) -> str:
    """The image's name or ID, once the engine has it. Raises NoImage."""
    if image.origin == "stand-in":
        if not _present(LLAMA_SERVER):
            raise NoImage(f"the image {LLAMA_SERVER} is not there: `.ci/run` makes it.")
        dockerfile = Path("images/llama_swap.Dockerfile")
        return _build(REPOSITORY / "tests" / "stack", dockerfile, STANDIN, LLAMA_SERVER_IMAGE=LLAMA_SERVER)
    if not _present(image.name) and not _pull(image.name):
        raise NoImage(f"the image {image.name} can't be pulled: check LLAMA_SWAP_TEST_IMAGE.")
    return image.name


def build_sync() -> str:
    """The ID of the sync's image, built from the shipped Dockerfile. Raises NoImage."""
    base = os.environ.get("PYTHON_IMAGE", "python:3.13-slim")
    return _build(REPOSITORY, Path("Dockerfile"), SYNC, PYTHON_IMAGE=base)


def _present(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def _pull(name: str) -> bool:
    try:
        done = subprocess.run(["docker", "pull", "--quiet", name], capture_output=True, timeout=_PULL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _build(context: Path, dockerfile: Path, tag: str, **arguments: str) -> str:
    """The ID: a run beside this one may build another image of the same tag."""
    flags = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    done = subprocess.run(
        [
            "docker",
            "build",
            "--quiet",
            "--tag",
            tag,
            "--file",
            str(context / dockerfile),
            *flags,
            str(context),
        ],
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        # The legacy builder is the one that every engine has.
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
    if done.returncode:
        output = (done.stdout + done.stderr)[-2000:]
        raise NoImage(f"`docker build` of {tag} fails:\n{output}")
    return done.stdout.strip()
