"""`restore` lists what there is with what it would change, and puts one back as safely as any other write."""

from __future__ import annotations

import dataclasses
import logging
from argparse import ArgumentParser
from datetime import datetime

import pytest

from llama_swap_sync.commands import restore
from llama_swap_sync.config.store import StoreError
from llama_swap_sync.settings import Settings, read
from tests.unit.store.room import NEW, NEWER, OLD, Room


@pytest.fixture
def settings(room: Room) -> Settings:
    """Three backups, the newest one the same as the file."""
    for text in (NEWER, NEW, OLD + b"x: caf\xe9\r\n", NEW):
        room.tick()
        store = room.store()
        store.write(store.read(), text)
    room.config.write_bytes(OLD + b"x: caf\xe9\r\n")
    return dataclasses.replace(read({}, in_image=False).settings, config=room.config)


def run(settings: Settings, *arguments: str) -> int:
    parser = ArgumentParser()
    restore.add_arguments(parser)
    return restore.run(settings, parser.parse_args(arguments))


def test_without_an_argument_each_backup_is_listed_with_what_it_would_change(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(settings) == 0
    assert capsys.readouterr().out == (
        "  1  config.yaml.bak.20241124_120004  2024-11-24 12:00:04  same as now\n"
        "  2  config.yaml.bak.20241124_120003  2024-11-24 12:00:03  +2 -1 lines\n"
        "  3  config.yaml.bak.20241124_120002  2024-11-24 12:00:02  +2 -6 lines\n"
        "Put one back with `restore NUMBER`; add --dry-run to see what that changes.\n"
    )


def test_listing_and_dry_run_write_nothing(settings: Settings, room: Room) -> None:
    before = room.stamps()
    run(settings)
    run(settings, "2", "--dry-run")
    assert room.stamps() == before


def test_dry_run_shows_the_difference(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "2", "--dry-run") == 0
    assert capsys.readouterr().out == (
        "--- config.yaml\n+++ config.yaml.bak.20241124_120003\n"
        "@@ -2,5 +2,6 @@\n models:\n   a:\n     cmd: x\n"
        "+  b:\n+    cmd: y\n logLevel: info\n-x: caf\ufffd\r\n"
    )


@pytest.mark.parametrize("words", ["2", "20241124_120003", "config.yaml.bak.20241124_120003", "PATH"])
def test_backup_is_put_back_by_number_time_name_or_path(settings: Settings, room: Room, words: str) -> None:
    name = str(room.folder / "config.yaml.bak.20241124_120003") if words == "PATH" else words
    assert run(settings, name) == 0
    assert room.config.read_bytes() == NEW
    assert room.leftovers() == room.state_names() == []


def test_text_from_before_is_kept_and_named(
    settings: Settings, room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.config.write_bytes(b"just now\n")
    assert run(settings, "3") == 0
    newest = room.store().backups()[0]
    assert newest.data == b"just now\n"
    assert abs(newest.when - datetime.now()).total_seconds() < 60
    assert capsys.readouterr().out == (
        f"{room.config}: put back config.yaml.bak.20241124_120002; the text from before is kept as"
        f" {newest.path.name}. llama-swap serves it after its next start, or now where it runs with"
        " -watch-config.\n"
    )


def test_same_text_is_not_written_again(
    settings: Settings, room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    before = room.stamps()[room.config]
    assert run(settings, "1") == 0
    assert capsys.readouterr().out == (
        f"{room.config} is the same as config.yaml.bak.20241124_120004 already; nothing was changed.\n"
    )
    assert room.stamps()[room.config] == before


def test_unknown_backup_is_refused_with_the_known_ones(settings: Settings, room: Room) -> None:
    with pytest.raises(StoreError) as caught:
        run(settings, "4")
    assert str(caught.value) == (
        f"{room.config}: has no backup '4'; known ones: 20241124_120004, 20241124_120003, 20241124_120002."
    )


def test_folder_without_backups_says_when_there_will_be_one(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = dataclasses.replace(read({}, in_image=False).settings, config=room.config)
    assert run(settings) == 0
    assert capsys.readouterr().out == (
        f"{room.config} has no backups yet: one is made whenever something is about to change.\n"
    )
    with pytest.raises(StoreError, match="has no backup '1'; known ones: there are none yet"):
        run(settings, "1")


def test_config_that_was_lost_is_put_back(settings: Settings, room: Room) -> None:
    room.config.unlink()
    assert run(settings, "3") == 0
    assert room.config.read_bytes() == NEWER


def test_what_an_interrupted_run_left_is_said_in_the_log(
    settings: Settings, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    (room.folder / ".config.yaml.0123abcd.tmp").write_bytes(b"half")
    with caplog.at_level(logging.WARNING, logger="llama_swap_sync"):
        run(settings, "1")
    assert caplog.messages == [
        f"{room.folder}: removed what an interrupted run left (.config.yaml.0123abcd.tmp)."
    ]
