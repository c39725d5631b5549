"""The sync's container alone, hardened as the shipped compose.yml does it; no llama-swap, SYNC_APPLY=none."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.gguf_files import write_chat_model
from tests.stack.box import await_condition
from tests.stack.builds import REPOSITORY

_QUICK = {
    "SYNC_APPLY": "none",
    "SYNC_UPDATES": "off",
    "LLAMA_SWAP_URL": "",
    "SYNC_INTERVAL": "1s",
    "SYNC_SETTLE": "0s",
}


def hardening() -> list[str]:
    """What compose.yml says of `sync`, as options of `docker run`."""
    shipped = yaml.safe_load((REPOSITORY / "compose.yml").read_text())["services"]["sync"]
    options = ["--read-only"] if shipped["read_only"] else []
    options += [f"--tmpfs={path}" for path in shipped["tmpfs"]]
    options += [f"--cap-drop={name}" for name in shipped["cap_drop"]]
    options += [f"--cap-add={name}" for name in shipped["cap_add"]]
    options += [f"--security-opt={option}" for option in shipped["security_opt"]]
    return [*options, f"--memory={shipped['mem_limit']}", f"--pids-limit={shipped['pids_limit']}"]


@dataclass
class LoneSync:
    """One container and its two folders; `options` go to `docker run`."""

    folder: Path
    image: str
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.name = f"service-test-{uuid.uuid4().hex[:8]}"
        self.models = self.folder / "models"
        self.config_folder = self.folder / "config"
        self.config = self.config_folder / "config.yaml"
        for made in (self.models, self.config_folder):
            made.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        environment = [f"--env={name}={value}" for name, value in {**_QUICK, **self.environment}.items()]
        mounts = [f"--volume={self.models}:/models", f"--volume={self.config_folder}:/config"]
        command = ["docker", "run", "--detach", "--name", self.name, *hardening(), *environment, *mounts]
        subprocess.run([*command, *self.options, self.image], check=True, capture_output=True, text=True)

    def add_model(self, name: str) -> Path:
        return write_chat_model(self.models / name)

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", self.name], capture_output=True, check=False)

    def end(self) -> None:
        """`docker stop`."""
        subprocess.run(["docker", "stop", "--time", "10", self.name], check=True, capture_output=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`docker exec`: the caller looks at the exit code."""
        return subprocess.run(
            ["docker", "exec", self.name, *command], capture_output=True, text=True, timeout=60
        )

    def health(self) -> str:
        """What the health check prints, as Docker would run it now."""
        return self.run("python", "/app/healthcheck.py").stdout

    def log(self) -> str:
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    @property
    def page_port(self) -> int:
        """Where the status page answers on this machine, if `--publish` made it so."""
        command = ["docker", "port", self.name, "8081/tcp"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout.splitlines()[0].rpartition(":")[2])

    def programs(self) -> dict[str, int]:
        """Process IDs on the host by last word: supervisord's, `run`, `status-page`, and a `pass` at work."""
        listed = subprocess.run(
            ["docker", "top", self.name, "-eo", "pid,args"], capture_output=True, text=True, check=True
        )
        found = [line.split(maxsplit=1) for line in listed.stdout.splitlines()[1:]]
        if any("entrypoint.sh" in arguments for _, arguments in found):
            return {}  # it has not become what it is to be yet
        return {arguments.split("/")[-1].split()[-1]: int(pid) for pid, arguments in found}

    def await_health(self, told: str, seconds: float = 60) -> None:
        await_condition(lambda: told in self.health(), f"health {told!r}, log:\n{self.log()}", seconds)

    def await_entry(self, name: str, seconds: float = 60) -> None:
        await_condition(
            lambda: self.config.exists() and f"{name}:" in self.config.read_text(),
            f"an entry {name}",
            seconds,
        )


NewSync = Callable[..., LoneSync]


def give(sync: LoneSync, uid: int, gid: int) -> None:
    """Both folders belong to that user."""
    for folder in (sync.models, sync.config_folder):
        os.chown(folder, uid, gid)
