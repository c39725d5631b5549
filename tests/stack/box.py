"""One run of the shipped compose.yml: its own project, names, ports and folders, and its removal."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from testcontainers.compose import DockerCompose

from tests.stack.builds import REPOSITORY

_FILES = ["compose.yml", "compose.cpu.yml", "tests/stack/images/compose.test.yml"]
_POLL_SECONDS = 0.1
_QUICK = {"SYNC_INTERVAL": "2s", "SYNC_SETTLE": "1s"}

T = TypeVar("T")


@dataclass
class Box:
    """A machine's folders and its `.env`; `start` is `docker compose up -d`."""

    folder: Path
    llama_swap_image: str
    sync_image: str
    settings: Mapping[str, str] = field(default_factory=dict)
    overlays: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.project = f"sync-test-{uuid.uuid4().hex[:8]}"
        self.container = f"{self.project}-swap"
        self.models = self.folder / "models"
        self.config_folder = self.folder / "config"
        self.config = self.config_folder / "config.yaml"
        port, status_port = _free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        self.status_url = f"http://127.0.0.1:{status_port}"
        self._environment = {
            "COMPOSE_PROJECT_NAME": self.project,
            "LLAMA_SWAP_CONTAINER": self.container,
            "LLAMA_SWAP_IMAGE": self.llama_swap_image,
            "LLAMA_SWAP_PORT": str(port),
            "SYNC_TEST_IMAGE": self.sync_image,
            "STATUS_TEST_PORT": str(status_port),
            "MODELS_PATH": str(self.models),
            "CONFIG_PATH": str(self.config_folder),
            **_QUICK,
            **self.settings,
        }
        for made in (self.models, self.config_folder):
            made.mkdir(parents=True, exist_ok=True)
        self._env_file = self.folder / "stack.env"
        self.configure()

    def configure(self, **settings: str) -> None:
        """Puts settings into the run's .env; they count from the next `up` on."""
        self._environment |= settings
        self._env_file.write_text("".join(f"{name}={value}\n" for name, value in self._environment.items()))

    def start(self) -> None:
        """`docker compose up -d`: returns when the containers are started. Raises CalledProcessError."""
        self._project().start()

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`docker compose ARGUMENTS` on this run; the caller looks at the return code."""
        command = [*self._project().docker_compose_command(), *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=180)

    def remove(self) -> None:
        """Ends and removes everything that this run has made."""
        done = self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        shutil.rmtree(self.folder, ignore_errors=True)
        assert done.returncode == 0, done.stderr

    def logs(self, service: str) -> str:
        return self.compose("logs", "--no-color", "--no-log-prefix", service).stdout

    def state(self, service: str) -> dict[str, Any]:
        """`State` and `RestartCount` of the service's container, as the engine tells them."""
        name = self.compose("ps", "--all", "--quiet", service).stdout.strip()
        done = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)[0]
        return {**told["State"], "RestartCount": told["RestartCount"]}

    def entries(self) -> dict[str, Any]:
        """What `models:` of config.yaml holds."""
        data = yaml.safe_load(self.config.read_bytes()) if self.config.exists() else {}
        return dict((data or {}).get("models") or {})

    def listed(self) -> set[str]:
        """The IDs at /v1/models; none while llama-swap does not answer."""
        try:
            return {model["id"] for model in self.get("/v1/models")["data"]}
        except (OSError, ValueError, http.client.HTTPException):
            return set()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: Mapping[str, Any], timeout: float = 120) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} answers {error.code}: {error.read().decode()}") from error

    def chat(self, model: str, text: str, max_tokens: int = 16) -> str:
        """What `model` answers at /v1/chat/completions."""
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
        return str(self.post("/v1/chat/completions", body)["choices"][0]["message"]["content"])

    def _project(self) -> DockerCompose:
        return DockerCompose(
            REPOSITORY, compose_file_name=[*_FILES, *self.overlays], env_file=str(self._env_file), wait=False
        )


def await_condition(
    condition: Callable[[], T], what: str, seconds: float = 60, pause: float = _POLL_SECONDS
) -> T:
    """The first true value of `condition`. Fails, naming `what`, when there is none within that time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(pause)
    return value


def assert_sound(box: Box) -> None:
    """The product's own checks: the file parses, nothing is left lying, what it says is listed."""
    left = [
        path.name
        for path in box.config_folder.iterdir()
        if not path.name.startswith(("config.yaml.bak.", ".llama-swap-sync"))
        and path.name not in ("config.yaml", "config.yaml.lock")
    ]
    assert left == [], "the config folder holds what nobody should find there"
    wanted = {name for name, entry in box.entries().items() if not entry.get("unlisted")}
    if box.state("llama-swap")["Running"]:
        await_condition(lambda: box.listed() == wanted, f"llama-swap listing {sorted(wanted)}", 30)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
