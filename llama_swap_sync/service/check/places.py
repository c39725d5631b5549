"""The folders: are they there, may this user read and write them, is there room?"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from llama_swap_sync.service.check.finding import Finding, gigabytes
from llama_swap_sync.settings import Settings

# A config, three backups and the state of 10,000 models are 6 MB each at the most.
_ROOM_FOR_CONFIG = 50 * 10**6
_ROOM_FOR_A_MODEL = 2 * 10**9


def check_places(settings: Settings) -> list[Finding]:
    """The config's folder, the config, the models directory and the room on both."""
    config = settings.config
    return [
        _config_folder(config.parent),
        _config_file(config),
        _models_directory(settings.models_dir),
        *_room("config room", config.parent, _ROOM_FOR_CONFIG),
        *_room("models room", settings.models_dir, _ROOM_FOR_A_MODEL if settings.models else 0),
    ]


def _config_folder(folder: Path) -> Finding:
    subject = "config folder"
    if not folder.is_dir():
        return Finding(
            subject, f"{folder} is not there", "mount a folder there, or name another in LLAMA_SWAP_CONFIG"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(subject, f"{folder} can't be written by {_who()}", _chown(folder))
    return Finding(subject, f"{folder}, writable")


def _config_file(config: Path) -> Finding:
    subject = "config file"
    try:
        status = config.stat()
    except FileNotFoundError:
        return Finding(subject, f"{config} is not there yet; the first pass makes it")
    except OSError as error:
        return Finding(subject, f"{config} can't be looked at ({error.strerror})", _chown(config))
    if stat.S_ISDIR(status.st_mode):
        return Finding(
            subject,
            f"{config} is a folder",
            "remove it (Docker made it because the file that was to be mounted was not there), then mount"
            f" {config.parent}",
        )
    if not os.access(config, os.R_OK | os.W_OK):
        return Finding(subject, f"{config} can't be read and written by {_who()}", _chown(config))
    if config.is_mount():
        return Finding(
            subject,
            f"{config} is mounted as a single file, so it can't be replaced at once",
            f"mount its folder at {config.parent} instead",
        )
    return Finding(subject, f"{config}, {status.st_size} bytes, of {status.st_uid}:{status.st_gid}")


def _models_directory(folder: Path) -> Finding:
    subject = "models folder"
    try:
        with os.scandir(folder) as inside:
            empty = next(inside, None) is None
    except FileNotFoundError:
        return Finding(
            subject, f"{folder} is not there", "mount it, or name another folder in LLAMA_SWAP_MODELS_DIR"
        )
    except OSError as error:
        return Finding(subject, f"{folder} can't be read by {_who()} ({error.strerror})", _chown(folder))
    if not os.access(folder, os.W_OK):
        return Finding(subject, f"{folder}, readable; downloads would need to write there")
    return Finding(subject, f"{folder}, empty: put .gguf files there" if empty else f"{folder}, writable")


def _room(subject: str, folder: Path, needed: int) -> list[Finding]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return []
    to_do = f"free at least {gigabytes(needed)}" if free < needed else ""
    return [Finding(subject, f"{gigabytes(free)} free", to_do)]


def _chown(path: Path) -> str:
    folder = path if path.is_dir() else path.parent
    with suppress(OSError):
        if folder.stat().st_uid == os.geteuid():
            return f"on the host, run `chmod -R u+rwX` on what is mounted at {path}"
    return f"on the host, run `chown -R {os.geteuid()}:{os.getegid()}` on what is mounted at {path}"


def _who() -> str:
    return f"{os.geteuid()}:{os.getegid()}"
