from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.apply.engine import Engine, EngineUnreachable
from llama_swap_sync.apply.llama_swap import LlamaSwapError
from llama_swap_sync.service.check.box import check_all
from llama_swap_sync.service.check.containers import check_container
from llama_swap_sync.service.check.finding import Finding, exit_code
from llama_swap_sync.service.check.places import check_places
from llama_swap_sync.settings import Settings, read

IMAGE = "ghcr.io/mostlygeek/llama-swap:cuda"
CONFIG = {"Source": "/srv/config", "Destination": "/config", "RW": False}
MODELS = {"Source": "/srv/models", "Destination": "/models", "RW": False}
GPU = {"DeviceRequests": [{"Driver": "nvidia", "Capabilities": [["gpu"]]}]}


def settings(**changes: Any) -> Settings:
    return dataclasses.replace(read({}, in_image=True).settings, **changes)


def container(
    args: tuple[str, ...] = ("-config", "/app/config.yaml", "-config", "/config/config.yaml"),
    *,
    path: str = "/app/llama-swap",
    mounts: tuple[dict[str, Any], ...] = (CONFIG, MODELS),
    image: str = IMAGE,
    user: str = "",
    host: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
) -> ContainerState:
    """A container as `docker compose up` makes it from the shipped compose.yml, but for what is said."""
    return ContainerState.of(
        {
            "Name": "/llama-swap",
            "Path": path,
            "Args": list(args),
            "State": state or {"Status": "running"},
            "Config": {"Image": image, "User": user},
            "HostConfig": GPU if host is None else host,
            "Mounts": list(mounts),
        }
    )


def found(subject: str, state: ContainerState, store: str | None = None, **changes: Any) -> Finding:
    findings = check_container(state, settings(**changes), store)
    return next(finding for finding in findings if finding.subject == subject)


def test_the_shipped_compose_file_leaves_nothing_to_do() -> None:
    findings = check_container(container(), settings(), None)
    assert [finding.to_do for finding in findings] == [""] * len(findings)
    assert exit_code(findings) == 0


def test_a_line_says_ok_or_what_to_do() -> None:
    assert Finding("docker", "answers").line == "ok  docker          answers"
    assert Finding("docker", "no answer", "start it").line == "do  docker          no answer: start it"
    assert exit_code([Finding("docker", "no answer", "start it")]) == 1


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (
            {"Status": "exited", "ExitCode": 1},
            "llama-swap is exited, exit code 1: run `docker start llama-swap`",
        ),
        (
            {"Status": "running", "Restarting": True, "ExitCode": 1},
            "llama-swap is restarting, exit code 1: see `docker logs llama-swap`",
        ),
    ],
)
def test_a_container_that_does_not_run_is_named(state: dict[str, Any], line: str) -> None:
    assert found("llama-swap", container(state=state)).line.endswith(line)


@pytest.mark.parametrize(
    ("args", "fact"),
    [
        (("-listen", ":8080"), "it is started without -config"),
        (("-config", "/app/config.yaml"), "/app/config.yaml is not on a mount"),
        (("--config=/config/other.yaml",), "it reads /config/other.yaml, the sync keeps /config/config.yaml"),
    ],
)
def test_a_config_that_the_sync_does_not_keep_is_named(args: tuple[str, ...], fact: str) -> None:
    finding = found("its config", container(args))
    assert finding.fact == fact
    assert finding.to_do


def test_a_config_that_is_mounted_as_a_file_is_named() -> None:
    file = {"Source": "/srv/config/config.yaml", "Destination": "/config/config.yaml", "RW": False}
    assert found("its config", container(mounts=(file, MODELS))).to_do == (
        "mount the folder /srv/config at /config instead"
    )


def test_models_at_another_place_name_the_setting() -> None:
    elsewhere = {**MODELS, "Destination": "/data/models"}
    assert found("its models", container(mounts=(CONFIG, elsewhere))).line == (
        "do  its models      nothing is mounted at /models (its mounts: /config, /data/models):"
        " mount the models directory there, or name its place in LLAMA_SWAP_MODELS_MOUNT"
    )
    below = {**MODELS, "Destination": "/data"}
    state = container(mounts=(CONFIG, below))
    assert not found("its models", state, models_mount="/data/models").to_do


@pytest.mark.parametrize(
    ("image", "path", "server", "to_do"),
    [
        (IMAGE, "/app/llama-swap", "/app/llama-server", ""),
        (
            "ghcr.io/mostlygeek/llama-swap:unified-cuda",
            "llama-swap",
            "/app/llama-server",
            "set LLAMA_SWAP_SERVER=/usr/local/bin/llama-server",
        ),
        (IMAGE, "/app/llama-swap", "/usr/bin/llama-server", "set LLAMA_SWAP_SERVER=/app/llama-server"),
        ("my/own:1", "/start.sh", "/opt/llama-server", ""),
    ],
)
def test_the_server_is_that_of_the_image_family(image: str, path: str, server: str, to_do: str) -> None:
    assert found("its server", container(path=path, image=image), server=server).to_do == to_do


def test_watching_is_told_and_missed_where_it_is_relied_upon() -> None:
    watching = container(("-config", "/config/config.yaml", "-watch-config"))
    assert found("-watch-config", watching).fact == (
        "on: a written config takes effect by itself, so requests are drained before"
    )
    assert found("-watch-config", container(), apply="watch").to_do == (
        "add -watch-config to its command, or set SYNC_APPLY=restart"
    )


@pytest.mark.parametrize(
    ("image", "host", "to_do"),
    [
        (IMAGE, {}, True),
        ("ghcr.io/mostlygeek/llama-swap:vulkan", {"Devices": [{"PathOnHost": "/dev/dri"}]}, False),
        ("ghcr.io/mostlygeek/llama-swap:cpu", {}, False),
        (IMAGE, {"Runtime": "nvidia"}, False),
    ],
)
def test_a_gpu_image_without_a_gpu_is_named(image: str, host: dict[str, Any], to_do: bool) -> None:
    assert bool(found("its GPU", container(image=image, host=host)).to_do) == to_do


def test_a_store_on_the_read_only_config_mount_is_named() -> None:
    assert found("its store", container(), "/config/store.db").line == (
        "do  its store       store.path /config/store.db lies on the read-only mount /config:"
        " llama-swap refuses that: give it a volume of its own,"
        " such as `- llama-swap-store:/store`, and set `path: /store/db`"
    )
    volume = {"Name": "store", "Source": "/var/lib/docker/x", "Destination": "/store", "RW": True}
    assert not found("its store", container(mounts=(CONFIG, MODELS, volume)), "/store/db").to_do


def test_another_user_is_told() -> None:
    assert found("its user", container(user="10001")).fact.startswith("10001:")


@pytest.fixture
def box(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "models").mkdir(exist_ok=True)
        return settings(
            **{
                "config": tmp_path / "config" / "config.yaml",
                "models_dir": tmp_path / "models",
                "apply": "none",
                "url": "",
                **changes,
            }
        )

    return make


def test_a_new_box_leaves_nothing_to_do(box: Callable[..., Settings]) -> None:
    assert exit_code(check_places(box())) == 0


def test_a_config_that_docker_made_a_folder_is_named(box: Callable[..., Settings]) -> None:
    made = box()
    made.config.mkdir()
    assert check_places(made)[1].to_do == (
        "remove it (Docker made it because the file that was to be mounted was not there),"
        f" then mount {made.config.parent}"
    )


def test_folders_that_are_not_there_are_named(box: Callable[..., Settings]) -> None:
    nowhere = Path("/nowhere")
    findings = check_places(box(config=nowhere / "config.yaml", models_dir=nowhere))
    assert [finding.line for finding in findings] == [
        "do  config folder   /nowhere is not there:"
        " mount a folder there, or name another in LLAMA_SWAP_CONFIG",
        "ok  config file     /nowhere/config.yaml is not there yet; the first pass makes it",
        "do  models folder   /nowhere is not there:"
        " mount it, or name another folder in LLAMA_SWAP_MODELS_DIR",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_someone_else_gives_the_chown_to_run(box: Callable[..., Settings]) -> None:
    made = box()
    made.config.parent.chmod(0o555)
    assert f"chown -R {os.geteuid()}:{os.getegid()}" in check_places(made)[0].to_do


class _Docker:
    """An engine that gives one answer to every inspect, or fails."""

    def __init__(self, answer: ContainerState | Exception | None, names: tuple[str, ...] = ()) -> None:
        self._answer = answer
        self._names = names

    def inspect(self, _name: str) -> ContainerState | None:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def restart(self, name: str) -> None:
        raise AssertionError(f"check must not restart {name}")

    def reload(self, name: str) -> None:
        raise AssertionError(f"check must not reload {name}")

    def logs(self, _name: str, *, since: float | None = None, tail: int = 50) -> list[str]:  # noqa: ARG002
        return []

    def names(self) -> list[str]:
        return list(self._names)


def lines(made: Settings, engine: Engine, listed: Callable[[str], int] = lambda _key: 2) -> list[str]:
    return [finding.line for finding in check_all(made, engine, listed)]


def test_a_broken_config_is_named_with_its_place(box: Callable[..., Settings]) -> None:
    made = box()
    made.config.write_text("models:\n  a: [\n")
    told = [line for line in lines(made, _Docker(None)) if line.startswith("do")]
    assert len(told) == 1
    assert f"{made.config}:" in told[0]


def test_a_health_check_timeout_too_short_for_the_largest_file_is_named(box: Callable[..., Settings]) -> None:
    made = box()
    made.config.write_text("healthCheckTimeout: 60\nmodels: {}\n")
    with (made.models_dir / "big.gguf").open("wb") as file:
        file.truncate(40 * 10**9)
    assert (
        "do  start-up time   healthCheckTimeout 60 s for 40.0 GB (big.gguf):"
        f" write healthCheckTimeout: 800 into {made.config}"
    ) in lines(made, _Docker(None))


def test_a_shard_set_takes_as_long_as_all_its_shards(box: Callable[..., Settings]) -> None:
    made = box()
    made.config.write_text("healthCheckTimeout: 60\nmodels: {}\n")
    for number in (1, 2, 3):
        with (made.models_dir / f"big-0000{number}-of-00003.gguf").open("wb") as file:
            file.truncate(4 * 10**9)
    assert (
        "do  start-up time   healthCheckTimeout 60 s for 12.0 GB (big-00001-of-00003.gguf):"
        f" write healthCheckTimeout: 240 into {made.config}"
    ) in lines(made, _Docker(None))


def test_a_container_of_another_name_lists_those_there_are(box: Callable[..., Settings]) -> None:
    told = lines(box(apply="restart"), _Docker(None, ("ollama", "swap")))
    assert told[-1] == (
        "do  docker          no container is named llama-swap (there are ollama, swap):"
        " set LLAMA_SWAP_CONTAINER"
    )


def test_a_docker_that_does_not_answer_says_what_to_do(box: Callable[..., Settings]) -> None:
    silent = EngineUnreachable("Docker's socket /var/run/docker.sock is not there: mount it")
    assert lines(box(apply="restart"), _Docker(silent))[-1] == (
        "do  docker          Docker's socket /var/run/docker.sock is not there: mount it"
    )


def test_the_api_is_asked_with_the_configs_own_key(box: Callable[..., Settings]) -> None:
    made = box(url="http://llama-swap:8080")
    made.config.write_text("apiKeys: [one, two]\nmodels: {}\n")
    keys: list[str] = []

    def listed(key: str) -> int:
        keys.append(key)
        return 5

    assert (
        lines(made, _Docker(None), listed)[-1] == "ok  its API         http://llama-swap:8080 lists 5 models"
    )
    assert keys == ["one"]


def test_an_api_that_refuses_is_named(box: Callable[..., Settings]) -> None:
    def listed(_key: str) -> int:
        raise LlamaSwapError("llama-swap at http://llama-swap:8080 does not answer in time.")

    assert lines(box(url="http://llama-swap:8080"), _Docker(None), listed)[-1] == (
        "do  its API         llama-swap at http://llama-swap:8080 does not answer in time:"
        " look at its log, and whether LLAMA_SWAP_URL names it"
    )
