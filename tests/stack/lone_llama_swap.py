"""One llama-swap container, and the sync run beside it as a process of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import yaml

from tests.gguf_files import write_chat_model
from tests.stack.box import await_condition

_PREFIX = "apply-test-"
_PROGRAM = (sys.executable, "-m", "llama_swap_sync")


@dataclass(frozen=True)
class Loop:
    """A `run` at work; `logged` is the file with all that it says."""

    process: subprocess.Popen[bytes]
    logged: Path

    def says(self, words: str, times: int = 1) -> bool:
        return self.logged.read_text().count(words) >= times


@dataclass
class LoneLlamaSwap:
    """`flags` are llama-swap's, `environ` the sync's; the folder holds one model, old, with its entry."""

    folder: Path
    image: str
    flags: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"{_PREFIX}{uuid.uuid4().hex[:8]}"
        self.models = self.folder / "models"
        self.config = self.folder / "config" / "config.yaml"
        for folder in (self.models, self.config.parent):
            folder.mkdir(parents=True)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.add("old.gguf")
        assert self.sync("--no-restart").returncode == 0

    def add(self, *paths: str) -> None:
        for path in paths:
            write_chat_model(self.models / path)

    def start(self, **environ: str) -> None:
        """(Re)creates the container and waits until it listens."""
        self.remove()
        command = ["docker", "run", "--detach", "--name", self.name, "--restart", "unless-stopped"]
        command += ["--publish", f"127.0.0.1:{self.port}:8080"]
        command += ["--volume", f"{self.models}:/models:ro", "--volume", f"{self.config.parent}:/config:ro"]
        command += [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
        command += [self.image, "-config", "/config/config.yaml", "-listen", "0.0.0.0:8080", *self.flags]
        subprocess.run(command, check=True, capture_output=True)
        await_condition(self.listens, "llama-swap listening")

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(["docker", *arguments, self.name], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def state(self) -> dict[str, Any]:
        inspected = json.loads(self.docker("inspect"))[0]
        return {**inspected["State"], "RestartCount": inspected["RestartCount"]}

    def listens(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            try:
                client.connect(("127.0.0.1", self.port))
            except OSError:
                return False
            return bool(self.state()["Running"])

    def listed(self) -> set[str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=10) as answer:
                return {model["id"] for model in json.load(answer)["data"]}
        except (OSError, ValueError, HTTPException):
            return set()

    def written(self) -> set[str]:
        return set((yaml.safe_load(self.config.read_bytes()) or {}).get("models") or {})

    def begin_sync(self, *options: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*_PROGRAM, "sync", *options],
            env=self._environ(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sync(self, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
        process = self.begin_sync(*options, **environ)
        out, _ = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, out)

    @contextmanager
    def unattended(self, **environ: str) -> Iterator[Loop]:
        """`run` for the block: it looks every second, and ends well on SIGTERM."""
        quick = {
            "SYNC_INTERVAL": "1s",
            "SYNC_SETTLE": "0s",
            "SYNC_UPDATES": "off",
            "TMPDIR": str(self.folder),
        }
        log = self.folder / "run.log"
        with log.open("w") as out:
            command, settings = [*_PROGRAM, "run"], self._environ({**quick, **environ})
            process = subprocess.Popen(command, env=settings, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield Loop(process, log)
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0, log.read_text()

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        settings = {
            "LLAMA_SWAP_CONFIG": str(self.config),
            "LLAMA_SWAP_MODELS_DIR": str(self.models),
            "LLAMA_SWAP_CONTAINER": self.name,
            "LLAMA_SWAP_URL": f"http://127.0.0.1:{self.port}",
            "SYNC_VERIFY_TIMEOUT": "20s",
            "SYNC_DRAIN_TIMEOUT": "20s",
        }
        return {**os.environ, **settings, **self.environ, **environ}


@contextmanager
def running(folder: Path, image: str, *flags: str) -> Iterator[LoneLlamaSwap]:
    """One that listens, for the block; its container is removed always."""
    made = LoneLlamaSwap(folder, image, flags)
    try:
        made.start()
        yield made
    finally:
        made.remove()
