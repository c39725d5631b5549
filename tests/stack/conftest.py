"""Fixtures of the stack tests: the engine, the images, a box for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.stack import builds
from tests.stack.box import Box, assert_sound
from tests.stack.lone_sync import LoneSync, NewSync

NewBox = Callable[..., Box]


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine that answers; else a skip, or a failure under REQUIRE_DOCKER=1."""
    if problem := builds.engine_problem():
        _go_without(f"No Docker engine with Compose answers: {problem}")


@pytest.fixture(scope="session")
def llama_swap_image(engine: None, request: pytest.FixtureRequest) -> str:  # noqa: ARG001 - an order
    """Which llama-swap the run uses: the same one that the report names."""
    chosen = request.config.stash.get(builds.CHOSEN, None) or builds.choose_llama_swap()
    return _made(lambda: builds.make_ready(chosen))


@pytest.fixture(scope="session")
def sync_image(engine: None) -> str:  # noqa: ARG001 - an order
    return _made(builds.build_sync)


@pytest.fixture
def new_sync(tmp_path: Path, sync_image: str) -> Iterator[NewSync]:
    """Makes containers of the sync alone (settings as keywords), not started; removed always."""
    made: list[LoneSync] = []

    def make(*options: str, **environment: str) -> LoneSync:
        made.append(LoneSync(tmp_path / f"sync{len(made)}", sync_image, environment, options))
        return made[-1]

    yield make
    for sync in made:
        sync.remove()


@pytest.fixture
def new_box(
    tmp_path: Path, llama_swap_image: str, sync_image: str, request: pytest.FixtureRequest
) -> Iterator[NewBox]:
    """Makes boxes (overlays, settings); each is checked where its test passed, and removed always."""
    boxes: list[Box] = []

    def make(*overlays: str, sound: bool = True, **settings: str) -> Box:
        box = Box(tmp_path / f"box{len(boxes)}", llama_swap_image, sync_image, settings, overlays)
        boxes.append(box)
        if sound:
            sounds.append(box)
        return box

    sounds: list[Box] = []
    failed_before = request.session.testsfailed
    yield make
    try:
        if request.session.testsfailed == failed_before:
            for box in sounds:
                assert_sound(box)
        else:
            _print_logs(boxes)
    finally:
        for box in boxes:
            box.remove()


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    if not any(item.get_closest_marker("stack") for item in items) or builds.engine_problem():
        return []
    config.stash[builds.CHOSEN] = builds.choose_llama_swap()
    return [f"llama-swap of the stack tests: {config.stash[builds.CHOSEN]}"]


def _made(make: Callable[[], str]) -> str:
    try:
        return make()
    except builds.NoImage as problem:
        _go_without(str(problem))


def _print_logs(boxes: list[Box]) -> None:
    for box in boxes:
        for service in ("sync-init", "llama-swap", "sync"):
            print(f"--- {service}\n{box.logs(service)[-6000:]}")


def _go_without(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
