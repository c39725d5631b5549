"""llama-swap's container as Docker describes it, held against our settings and the config. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llama_swap_sync.apply.container import ContainerState
from llama_swap_sync.service.check.finding import Finding
from llama_swap_sync.settings import Settings

_CONFIG_FLAG = re.compile(r"--?config(?:=(.*))?")
_SERVERS = {"/app/llama-swap": "/app/llama-server", "llama-swap": "/usr/local/bin/llama-server"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of the container: `source` on the host (or the volume's name) at `destination`."""

    source: str
    destination: str
    writable: bool

    def holds(self, path: str) -> bool:
        """Whether `path` of the container lies in it."""
        return path == self.destination or path.startswith(self.destination.rstrip("/") + "/")


def check_container(state: ContainerState, settings: Settings, store_path: str | None) -> list[Finding]:
    """One finding for each thing that people get wrong; `store_path` is the config's `store.path`."""
    mounts = _mounts(state.inspected)
    findings = [
        _running(state),
        _config(state, mounts, settings),
        _models(mounts, settings),
        _user(state.inspected),
        _server(state, settings),
        _watching(state, settings),
        _gpu(state.inspected),
    ]
    return findings + ([_store(store_path, mounts)] if store_path else [])


def _running(state: ContainerState) -> Finding:
    fact = f"{state.name} is {state.status}"
    if state.running:
        return Finding("llama-swap", fact)
    started = state.status not in ("created", "exited")
    to_do = f"see `docker logs {state.name}`" if started else f"run `docker start {state.name}`"
    return Finding("llama-swap", f"{fact}, exit code {state.exit_code}", to_do)


def _config(state: ContainerState, mounts: Sequence[Mount], settings: Settings) -> Finding:
    subject = "its config"
    path = _flag(state.command)
    wanted = f"-config /config/{settings.config.name}"
    if path is None:
        return Finding(subject, "it is started without -config", f"give it the command `{wanted}`")
    mount = _mount_of(path, mounts)
    if mount is None:
        return Finding(subject, f"{path} is not on a mount", "mount the config's folder there, read-only")
    if mount.destination == path:
        return Finding(
            subject,
            f"{path} is mounted as a single file, so llama-swap would keep the old one after a change",
            f"mount the folder {posixpath.dirname(mount.source)} at {posixpath.dirname(path)} instead",
        )
    if posixpath.basename(path) != settings.config.name:
        return Finding(
            subject, f"it reads {path}, the sync keeps {settings.config}", f"start it with `{wanted}`"
        )
    return Finding(subject, f"{path} from {mount.source}")


def _models(mounts: Sequence[Mount], settings: Settings) -> Finding:
    subject = "its models"
    mount = _mount_of(settings.models_mount, mounts)
    if mount is None:
        seen = ", ".join(mount.destination for mount in mounts) or "none"
        return Finding(
            subject,
            f"nothing is mounted at {settings.models_mount} (its mounts: {seen})",
            "mount the models directory there, or name its place in LLAMA_SWAP_MODELS_MOUNT",
        )
    return Finding(subject, f"{settings.models_mount} from {mount.source}")


def _user(inspected: Mapping[str, Any]) -> Finding:
    user = str(_section(inspected, "Config").get("User") or "")
    if user.partition(":")[0] in ("", "0", "root"):
        return Finding("its user", "root: it can read every model and the config")
    return Finding(
        "its user", f"{user}: files it can't read are refused by llama-server; new ones of ours are 0644"
    )


def _server(state: ContainerState, settings: Settings) -> Finding:
    subject = "its server"
    image = str(_section(state.inspected, "Config").get("Image") or "")
    expected = "/usr/local/bin/llama-server" if "unified" in image else _SERVERS.get(state.command[0], "")
    if not expected:
        return Finding(subject, f"{settings.server}, if image {image} has it")
    if expected == settings.server:
        return Finding(subject, f"{settings.server}, as image {image} has it")
    return Finding(
        subject,
        f"image {image} has {expected}, new entries would start {settings.server}",
        f"set LLAMA_SWAP_SERVER={expected}",
    )


def _watching(state: ContainerState, settings: Settings) -> Finding:
    subject = "-watch-config"
    if state.watches_config:
        return Finding(subject, "on: a written config takes effect by itself, so requests are drained before")
    if settings.apply == "watch":
        return Finding(
            subject,
            "off, and SYNC_APPLY=watch relies on it",
            "add -watch-config to its command, or set SYNC_APPLY=restart",
        )
    return Finding(subject, f"off: SYNC_APPLY={settings.apply} makes a new config take effect")


def _gpu(inspected: Mapping[str, Any]) -> Finding:
    host = _section(inspected, "HostConfig")
    requested = host.get("DeviceRequests") or ()
    devices = [str(device.get("PathOnHost")) for device in host.get("Devices") or ()]
    image = str(_section(inspected, "Config").get("Image") or "")
    if requested or str(host.get("Runtime")) == "nvidia":
        return Finding("its GPU", "NVIDIA reserved")
    if devices:
        return Finding("its GPU", f"devices {', '.join(devices)}")
    if re.search(r"cuda|vulkan|rocm|intel|musa", image):
        return Finding(
            "its GPU",
            f"none is handed to image {image}, so models run on the CPU",
            "reserve one as in compose.yml (NVIDIA) or compose.vulkan.yml, or use the :cpu image",
        )
    return Finding("its GPU", "none, as its image needs none")


def _store(path: str, mounts: Sequence[Mount]) -> Finding:
    mount = _mount_of(path, mounts)
    if mount and not mount.writable:
        return Finding(
            "its store",
            f"store.path {path} lies on the read-only mount {mount.destination}: llama-swap refuses that",
            "give it a volume of its own, such as `- llama-swap-store:/store`, and set `path: /store/db`",
        )
    return Finding("its store", f"{path} can be written")


def _flag(command: Sequence[str]) -> str | None:
    """The value of the last -config: Go's flag package takes that one."""
    found = None
    for word, following in zip(command, [*command[1:], None], strict=True):
        if match := _CONFIG_FLAG.fullmatch(word):
            found = match[1] if match[1] is not None else following
    return found


def _mounts(inspected: Mapping[str, Any]) -> list[Mount]:
    return list(_each_mount(inspected.get("Mounts") or ()))


def _each_mount(mounts: Sequence[Mapping[str, Any]]) -> Iterator[Mount]:
    for mount in mounts:
        source = str(mount.get("Name") or mount.get("Source") or "")
        yield Mount(source, str(mount.get("Destination") or ""), bool(mount.get("RW", True)))


def _mount_of(path: str, mounts: Sequence[Mount]) -> Mount | None:
    holding = [mount for mount in mounts if mount.holds(path)]
    return max(holding, key=lambda mount: len(mount.destination), default=None)


def _section(inspected: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = inspected.get(name)
    return section if isinstance(section, Mapping) else {}
