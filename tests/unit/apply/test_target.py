"""SYNC_APPLY and a look at the container -> the way to apply."""

from __future__ import annotations

import dataclasses

import pytest

from llama_swap_sync.apply.engine import EngineUnreachable
from llama_swap_sync.apply.target import Way, look
from llama_swap_sync.settings import Settings, read
from tests.fakes.engine import FakeEngine
from tests.unit.apply.room import House


def settings(**changes: object) -> Settings:
    return dataclasses.replace(read({}, in_image=True).settings, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("apply", "flags", "status", "way"),
    [
        ("restart", (), "running", Way.RESTART),
        ("restart", ("-watch-config",), "running", Way.RESTART),
        ("restart", (), "restarting", Way.RESTART),
        ("restart", (), "exited", Way.NOTHING),
        ("restart", (), "created", Way.NOTHING),
        ("reload", (), "running", Way.SIGNAL),
        ("reload", ("-watch-config",), "running", Way.WAIT),
        ("reload", (), "restarting", Way.RESTART),
        ("watch", ("-watch-config",), "running", Way.WAIT),
        ("none", ("-watch-config",), "running", Way.NOTHING),
    ],
)
def test_the_way_follows_from_the_setting_and_the_container(
    home: House, apply: str, flags: tuple[str, ...], status: str, way: Way
) -> None:
    home.box.flags, home.box.status = flags, status
    target = look(FakeEngine(home.box), settings(apply=apply))
    assert (target.way, target.blocked) == (way, "")


def test_watch_without_the_flag_is_a_contradiction_that_is_named(home: House) -> None:
    target = look(FakeEngine(home.box), settings(apply="watch"))
    assert target.blocked == (
        "SYNC_APPLY=watch, but the command of container llama-swap has no -watch-config: add it, or set"
        " SYNC_APPLY=restart."
    )


def test_a_paused_container_is_left_paused(home: House) -> None:
    home.box.status = "paused"
    target = look(FakeEngine(home.box), settings())
    assert target.way is Way.NOTHING
    assert target.blocked == "Container llama-swap is paused: `docker unpause llama-swap` lets it go on."
    assert not target.may_serve


def test_a_write_that_is_watched_needs_a_drain_even_where_nothing_is_applied(home: House) -> None:
    assert not look(FakeEngine(home.box), settings(apply="none")).takes_writes
    home.box.flags = ("-watch-config",)
    assert look(FakeEngine(home.box), settings(apply="none")).takes_writes


def test_an_engine_that_is_away_blocks_what_needs_it(home: House) -> None:
    def away(_: str) -> None:
        raise EngineUnreachable("Docker does not answer.")

    engine = FakeEngine(home.box, away)
    assert look(engine, settings()).blocked == "Docker does not answer."
    assert look(engine, settings(apply="watch")).blocked == ""
    assert look(engine, settings(url="")).way is Way.NOTHING
    assert look(engine, settings()).started_at is None


def test_names_of_other_containers_are_given_where_ours_is_missing(home: House) -> None:
    engine = FakeEngine(home.box)
    engine.absent = []
    target = look(engine, settings(container="llama-swap"))
    assert target.started_at == ""
    assert target.note == (
        "There is no container called llama-swap (LLAMA_SWAP_CONTAINER); no other one is to be seen either."
    )
