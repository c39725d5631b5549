"""Models, settings and plans for the tests of `config`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from llama_swap_sync import settings
from llama_swap_sync.config.document import Document
from llama_swap_sync.config.plan import Plan, plan
from llama_swap_sync.library.model import Kind, Library, Model, Projector
from llama_swap_sync.settings import Settings

DEFAULTS: Settings = settings.read({}, {}, in_image=False).settings


def settings_with(**changes: Any) -> Settings:
    """The default settings with some changed."""
    return dataclasses.replace(DEFAULTS, **changes)


def model(path: str, **changes: Any) -> Model:
    """A chat model at `path`, otherwise plain."""
    plain = Model(
        path=path,
        files=(path,),
        size=4_700_000_000,
        kind=Kind.CHAT,
        architecture="qwen3",
        name="",
        quantisation="Q4_K_M",
        context_length=32_768,
        embedding_length=4096,
        projector=None,
    )
    return dataclasses.replace(plain, **changes)


def library(*models: Model | str, **changes: Any) -> Library:
    """A library of these models (a path alone is a chat model), sorted as a scan sorts them."""
    all_models = [model(item) if isinstance(item, str) else item for item in models]
    return Library(models=tuple(sorted(all_models, key=lambda item: item.path)), **changes)


def planned(
    text: str | bytes,
    *models: Model | str,
    exists: Callable[[str], bool] = lambda _path: False,
    gone_for_good: Callable[[str], bool] = lambda _path: True,
    refused: frozenset[str] = frozenset(),
    shelf: Library | None = None,
    **changes: Any,
) -> Plan:
    """The plan for a file's text and a library; keyword arguments change settings."""
    data = text if isinstance(text, bytes) else text.encode()
    return plan(
        Document.parse(data),
        shelf if shelf is not None else library(*models),
        settings_with(**changes),
        exists=exists,
        gone_for_good=gone_for_good,
        refused=refused,
    )


def projector(path: str, *modalities: str) -> Projector:
    """A projector."""
    return Projector(path, frozenset(modalities or ("image",)))
