"""The shipped compose files as Compose understands them, alone and with each overlay; nothing is started."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from llama_swap_sync.settings.declaration import VARIABLES
from tests.stack.builds import REPOSITORY

pytestmark = pytest.mark.stack


def understood(*files: str, **environ: str) -> dict[str, Any]:
    """`docker compose config` of those files, as a machine with an empty `.env` reads them."""
    flags = [part for file in ("compose.yml", *files) for part in ("-f", file)]
    done = subprocess.run(
        ["docker", "compose", *flags, "--env-file", os.devnull, "config", "--format", "json"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services


@pytest.fixture(autouse=True)
def _with_compose(engine: None) -> None:
    """Skips, or fails under REQUIRE_DOCKER=1, where there is no Compose."""


def mounts(service: dict[str, Any]) -> dict[str, bool]:
    """Target -> whether it is read-only."""
    return {volume["target"]: volume.get("read_only", False) for volume in service["volumes"]}


def test_llama_swap_gets_a_gpu_and_may_write_nowhere() -> None:
    service = understood()["llama-swap"]
    (gpu,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (gpu["driver"], gpu["count"]) == ("nvidia", 1)
    assert mounts(service) == {"/models": True, "/config": True}


def test_the_docker_socket_goes_to_the_sync_alone() -> None:
    holders = {
        name
        for name, service in understood().items()
        if any("docker.sock" in path for path in mounts(service))
    }
    assert holders == {"sync"}


@pytest.mark.parametrize("service", ["sync-init", "sync"])
def test_the_sync_holds_no_more_power_than_it_needs(service: str) -> None:
    made = understood()[service]
    assert made["read_only"]
    assert made["cap_drop"] == ["ALL"]
    assert set(made["cap_add"]) <= {"CHOWN", "SETGID", "SETUID"}
    assert made["security_opt"] == ["no-new-privileges:true"]
    assert int(made["mem_limit"]) <= 512 * 1024**2
    assert made["logging"]["options"]["max-size"]


def test_every_setting_reaches_the_sync_and_silence_stays_silence() -> None:
    names = [variable.name for variable in VARIABLES.values()]
    names += [f"{variable.name}_FILE" for variable in VARIABLES.values() if variable.is_secret]
    given = {name: "given" for name in names if name not in ("SYNC_STATUS_PORT", "DOCKER_HOST", "TZ")}
    told = understood(**given)["sync"]["environment"]
    assert {name for name in given if told.get(name) != "given"} == set()
    assert {name for name, value in understood()["sync"]["environment"].items() if value is not None} == set()


@pytest.mark.parametrize("port", ["9000", "0"])
def test_the_status_page_is_published_where_it_listens(port: str) -> None:
    (published,) = understood(SYNC_STATUS_PORT=port)["sync"]["ports"]
    assert (published["published"], published.get("target", 0)) == (port, int(port))


@pytest.mark.parametrize(("overlay", "tag"), [("compose.cpu.yml", "cpu"), ("compose.vulkan.yml", "vulkan")])
def test_a_box_without_nvidia_is_asked_for_no_nvidia_gpu(overlay: str, tag: str) -> None:
    service = understood(overlay)["llama-swap"]
    assert service["image"].endswith(f":{tag}")
    assert not service.get("deploy")
    assert understood(overlay, LLAMA_SWAP_IMAGE="mine")["llama-swap"]["image"] == "mine"


def test_the_vulkan_overlay_hands_the_gpu_over() -> None:
    (device,) = understood("compose.vulkan.yml")["llama-swap"]["devices"]
    assert device["source"] == device["target"] == "/dev/dri"


def test_with_the_proxy_the_sync_has_no_socket_and_shares_its_network_with_nobody_else() -> None:
    services = understood("compose.socket-proxy.yml")
    assert mounts(services["sync"]).keys() == {"/models", "/config"}
    assert services["sync"]["environment"]["DOCKER_HOST"] == "tcp://socket-proxy:2375"
    neighbours = {name for name, service in services.items() if "docker" in (service.get("networks") or {})}
    assert neighbours == {"sync", "socket-proxy"}
    assert list(services["socket-proxy"]["networks"]) == ["docker"]
    assert "ports" not in services["socket-proxy"]
