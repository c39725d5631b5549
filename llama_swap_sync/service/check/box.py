"""The edges of `check`: Docker, llama-swap and the config are asked, and what they say is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from llama_swap_sync.errors import SyncError
from llama_swap_sync.service.check.containers import check_container
from llama_swap_sync.service.check.finding import Finding, gigabytes
from llama_swap_sync.service.check.places import check_places

if TYPE_CHECKING:
    from llama_swap_sync.apply.engine import Engine
    from llama_swap_sync.config.document import Document
    from llama_swap_sync.settings import Settings

# What a hard disk, or a NAS over one gigabit, gives; a model is read whole before it answers.
_BYTES_A_SECOND = 100e6
# llama-swap's own, where the config says nothing.
_DEFAULT_TIMEOUT = 120


def check_all(settings: Settings, engine: Engine, llama_swap_ids: Callable[[str], int]) -> list[Finding]:
    """Every fact, in the order in which a person would mend them.

    `llama_swap_ids` tells how many models llama-swap lists when it is asked with the given key; it raises
    SyncError.
    """
    document, config = _config(settings)
    findings = [*check_places(settings), *config, *_patience(settings, document)]
    if settings.apply in ("restart", "reload", "watch"):
        findings += _docker(settings, engine, document.store_path if document else None)
    if settings.url:
        findings.append(_answers(settings, document, llama_swap_ids))
    return findings


def _config(settings: Settings) -> tuple[Document | None, list[Finding]]:
    from llama_swap_sync.config.document import Document

    try:
        document = Document.parse(settings.config.read_bytes(), str(settings.config))
    except OSError:
        return None, []
    except SyncError as error:
        return None, [Finding("config", str(error), "mend that line; until then nothing is changed")]
    warnings = [Finding("config", warning, "see the line it names") for warning in document.warnings]
    return document, warnings or [Finding("config", f"{len(document.entries)} entries, understood")]


def _patience(settings: Settings, document: Document | None) -> list[Finding]:
    from llama_swap_sync.library.scan import look

    files = look(settings.models_dir, settings.exclude).files
    sizes = _model_sizes({path: stamp[0] for path, stamp in files.items()})
    if not sizes or document is None:
        return []
    largest = max(sizes, key=lambda path: sizes[path])
    given = document.health_check_timeout or _DEFAULT_TIMEOUT
    needed = int(sizes[largest] / _BYTES_A_SECOND)
    fact = f"healthCheckTimeout {given} s for {gigabytes(sizes[largest])} ({largest})"
    to_do = f"write healthCheckTimeout: {needed * 2} into {settings.config}" if given < needed else ""
    return [Finding("start-up time", fact, to_do)]


def _model_sizes(files: Mapping[str, int]) -> dict[str, int]:
    """Bytes of each model by its path, a shard set's by that of its first shard."""
    from llama_swap_sync.library.names import shard

    sizes: dict[str, int] = {}
    for path, size in files.items():
        part = shard(path)
        first = part.sibling(1) if part else path
        sizes[first] = sizes.get(first, 0) + size
    return sizes


def _docker(settings: Settings, engine: Engine, store_path: str | None) -> list[Finding]:
    try:
        state = engine.inspect(settings.container)
        names = [] if state else engine.names()
    except SyncError as error:
        fact, _, to_do = str(error).partition(": ")
        return [Finding("docker", fact, to_do or "see Troubleshooting in the README")]
    if state is None:
        known = f"there are {', '.join(names)}" if names else "there are none that can be seen"
        return [
            Finding(
                "docker", f"no container is named {settings.container} ({known})", "set LLAMA_SWAP_CONTAINER"
            )
        ]
    return [Finding("docker", "answers"), *check_container(state, settings, store_path)]


def _answers(settings: Settings, document: Document | None, llama_swap_ids: Callable[[str], int]) -> Finding:
    key = settings.api_key.reveal() if settings.api_key else ""
    if not key and document and document.api_keys:
        key = document.api_keys[0]
    try:
        count = llama_swap_ids(key)
    except SyncError as error:
        return Finding(
            "its API", str(error).rstrip("."), "look at its log, and whether LLAMA_SWAP_URL names it"
        )
    return Finding("its API", f"{settings.url} lists {count} models")
