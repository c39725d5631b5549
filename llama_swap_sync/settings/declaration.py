"""Every setting, declared once: its variable, type, range, default and one-line help.

`.env.example`, README's table, `llama-swap-sync config` and compose.yml's environment all follow from this
declaration; tests hold them to it.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llama_swap_sync.settings import values
from llama_swap_sync.settings.values import Secret

GENERIC_LLAMA_ARGS = "-ngl 99 -c 4096 -b 2048 -ub 512 --temp 0.7 --top-p 0.95 --top-k 40 --repeat-penalty 1.1"
DEFAULT_LLAMA_ARGS: tuple[str, ...] = tuple(shlex.split(GENERIC_LLAMA_ARGS))

_DAY = 86400.0


@dataclass(frozen=True)
class Variable:
    """One environment variable: how its text is read and what it means when it is not set."""

    name: str
    parse: Callable[[str], Any]
    default: str
    help: str
    default_in_image: str | None = None
    empty_is_a_value: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether the value is masked everywhere and may also come from the file that `NAME_FILE` names."""
        return self.parse is values.secret

    def default_for(self, in_image: bool) -> str:
        """The text that stands in when nobody says anything."""
        return self.default_in_image if in_image and self.default_in_image is not None else self.default


def _setting(
    name: str,
    parse: Callable[[str], Any],
    default: str,
    help: str,
    *,
    image: str | None = None,
    empty: bool = False,
) -> Any:
    return dataclasses.field(metadata={"variable": Variable(name, parse, default, help, image, empty)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that is in force for one run, built by `settings.read`. Durations are seconds."""

    config: Path = _setting(
        "LLAMA_SWAP_CONFIG", values.path, "./config.yaml", "the config file", image="/config/config.yaml"
    )
    models_dir: Path = _setting(
        "LLAMA_SWAP_MODELS_DIR", values.path, "./models", "the models directory", image="/models"
    )
    models_mount: str = _setting(
        "LLAMA_SWAP_MODELS_MOUNT",
        values.absolute_folder,
        "/models",
        "the models directory as llama-swap sees it",
    )
    server: str = _setting(
        "LLAMA_SWAP_SERVER",
        values.name,
        "/app/llama-server",
        "the server binary that commands start (/usr/local/bin/llama-server in the :unified images)",
    )
    container: str = _setting(
        "LLAMA_SWAP_CONTAINER", values.name, "llama-swap", "the one container that may be restarted"
    )
    url: str = _setting(
        "LLAMA_SWAP_URL",
        values.url,
        "",
        "where to ask llama-swap; empty: no draining, no verification",
        image="http://llama-swap:8080",
        empty=True,
    )
    api_key: Secret | None = _setting(
        "LLAMA_SWAP_API_KEY",
        values.secret,
        "",
        "key for that address; empty: the first of the config's own apiKeys",
    )
    max_backups: int = _setting(
        "LLAMA_SWAP_MAX_BACKUPS", values.count(0, 1000), "3", "backups of config.yaml kept, 0 = none"
    )
    max_key_length: int = _setting(
        "LLAMA_SWAP_MAX_KEY_LENGTH", values.count(16, 128), "80", "longest generated ID, 16 to 128"
    )
    interval: float = _setting(
        "SYNC_INTERVAL", values.duration(1, _DAY), "15s", "pause between looks at the library"
    )
    settle: float = _setting(
        "SYNC_SETTLE",
        values.duration(0, _DAY),
        "5s",
        "in the loop, a file must have been left alone this long",
    )
    llama_args: tuple[str, ...] | None = _setting(
        "SYNC_LLAMA_ARGS",
        values.arguments,
        GENERIC_LLAMA_ARGS,
        "arguments of a new entry; auto: none, llama-server fits layers and context to the memory by itself",
        empty=True,
    )
    exclude: tuple[str, ...] = _setting(
        "SYNC_EXCLUDE",
        values.listed,
        "",
        "globs of paths that are left out, separated by spaces, commas or lines",
    )
    ttl: int = _setting(
        "SYNC_TTL",
        values.count(-1, 2**31 - 1),
        "0",
        "ttl of a new entry in seconds, 0 = never unload, -1 = globalTTL",
    )
    audit: Literal["library", "all", "off"] = _setting(
        "SYNC_AUDIT",
        values.choice("library", "all", "off"),
        "library",
        "which entries get missing keys: library, all, off",
    )
    prune: bool = _setting("SYNC_PRUNE", values.boolean, "false", "remove entries whose file is gone")
    prune_grace: float = _setting(
        "SYNC_PRUNE_GRACE",
        values.duration(0, 365 * _DAY),
        "10m",
        "in the loop, how long a file must have been gone",
    )
    prune_limit: float = _setting(
        "SYNC_PRUNE_LIMIT",
        values.share,
        "50%",
        "refuse to remove more than this share of the library's entries at once",
    )
    apply: Literal["restart", "reload", "watch", "none"] = _setting(
        "SYNC_APPLY",
        values.choice("restart", "reload", "watch", "none"),
        "restart",
        "how a new config takes effect: restart, reload (SIGHUP), watch (llama-swap sees it itself), none",
    )
    drain_timeout: float = _setting(
        "SYNC_DRAIN_TIMEOUT", values.duration(0, _DAY), "5m", "longest wait for running requests to end"
    )
    verify_timeout: float = _setting(
        "SYNC_VERIFY_TIMEOUT",
        values.duration(1, _DAY),
        "2m",
        "longest wait for llama-swap to serve the new config",
    )
    models: tuple[str, ...] = _setting(
        "SYNC_MODELS",
        values.references,
        "",
        "models to have, such as ggml-org/gemma-3-270m-GGUF:Q4_K_M, separated by spaces, commas or lines",
    )
    updates: Literal["off", "check", "apply"] = _setting(
        "SYNC_UPDATES",
        values.choice("off", "check", "apply"),
        "check",
        "updates of downloaded models: off, check (report), apply (download too)",
    )
    update_schedule: str = _setting(
        "SYNC_UPDATE_SCHEDULE", values.cron_line, "0 4 * * *", "when to look for updates, a cron line in TZ"
    )
    retries: int = _setting("SYNC_RETRIES", values.count(0, 100), "5", "how often a download is tried again")
    retry_delay: float = _setting(
        "SYNC_RETRY_DELAY", values.duration(0, _DAY), "10s", "pause before the first retry; it doubles"
    )
    status_port: int = _setting("SYNC_STATUS_PORT", values.count(0, 65535), "8081", "status page, 0 = off")
    log_level: str = _setting(
        "SYNC_LOG_LEVEL",
        values.choice("debug", "info", "warning", "error"),
        "info",
        "least important lines that are logged: debug, info, warning, error",
    )
    log_format: Literal["text", "json"] = _setting(
        "SYNC_LOG_FORMAT", values.choice("text", "json"), "text", "text, or json: one object a line"
    )
    hf_token: Secret | None = _setting(
        "HF_TOKEN", values.secret, "", "token of Hugging Face, for gated and private models"
    )
    hf_endpoint: str = _setting(
        "HF_ENDPOINT", values.url, "", "another address of the Hub, such as a mirror; empty: huggingface.co"
    )
    docker_host: str = _setting(
        "DOCKER_HOST", values.text, "", "where Docker answers; empty: the mounted socket /var/run/docker.sock"
    )
    puid: int = _setting(
        "PUID", values.count(0, 2**31 - 1), "1000", "user that owns the files the sync writes"
    )
    pgid: int = _setting(
        "PGID", values.count(0, 2**31 - 1), "1000", "group that owns the files the sync writes"
    )
    umask: int = _setting("UMASK", values.octal, "022", "permissions that new files do not get")
    tz: str = _setting(
        "TZ", values.time_zone, "", "time zone of log lines and schedules; empty: the system's"
    )


VARIABLES: dict[str, Variable] = {
    field.name: field.metadata["variable"] for field in dataclasses.fields(Settings)
}

# Read by compose.yml alone: name -> (default, help). They may reach the container with an env_file.
COMPOSE_VARIABLES: dict[str, tuple[str, str]] = {
    "MODELS_PATH": ("./models", "folder of the models on this machine"),
    "CONFIG_PATH": ("./config", "folder of config.yaml on this machine"),
    "LLAMA_SWAP_IMAGE": ("ghcr.io/mostlygeek/llama-swap:cuda", "llama-swap's image"),
    "LLAMA_SWAP_PORT": ("8080", "port of this machine where llama-swap answers"),
    "NVIDIA_VISIBLE_DEVICES": ("all", "GPUs that llama-swap sees"),
    "NVIDIA_DRIVER_CAPABILITIES": ("compute,utility", "what it may use of them"),
    "GPU_COUNT": ("1", "how many GPUs are reserved for llama-swap"),
}
