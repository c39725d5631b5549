"""A config that a person edits is taken up without cutting an answer, and a bad edit stops nothing."""

from __future__ import annotations

import os

import pytest

from llama_swap_sync.apply.outcome import Kind
from tests.fakes.box import accepts_all, ids_of
from tests.unit.apply.room import BEFORE, House, refusing

EDITED = BEFORE + b"  mine:\n    cmd: serve mine\n"


def known(home: House) -> House:
    """After a pass that saw the file as llama-swap serves it."""
    assert home.roll_out().kind is Kind.NOTHING
    return home


def save(home: House, data: bytes) -> None:
    home.config.write_bytes(data)
    home.clock.wait(5)
    os.utime(home.config, (home.clock.now(), home.clock.now()))


def test_an_edit_is_taken_up_by_a_reload_whatever_sync_apply_says(home: House) -> None:
    save(known(home), EDITED)
    outcome = home.roll_out()
    assert outcome.kind is Kind.APPLIED
    assert outcome.sentence == f"llama-swap serves {home.config} as you edited it."
    assert (home.box.restarts_asked, home.box.reloads) == (0, 1)
    assert home.box.models == {"old", "mine"}
    assert home.config.read_bytes() == EDITED


def test_an_edit_that_was_taken_up_is_not_taken_up_again(home: House) -> None:
    save(known(home), EDITED)
    home.roll_out()
    assert home.roll_out().kind is Kind.NOTHING
    assert home.box.reloads == 1


def test_a_running_answer_ends_before_an_edit_is_taken_up(home: House) -> None:
    save(known(home), EDITED)
    home.box.streams = 1
    until = home.clock.time + 20

    def end_the_answer(now: float) -> None:
        if now >= until:
            home.box.streams = 0

    home.clock.passing.append(end_the_answer)
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.cut == 0


def test_a_bad_edit_stays_and_llama_swap_goes_on_with_the_config_before(home: House) -> None:
    home.box.refuses = refusing("mine")
    save(known(home), EDITED)
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.BROKEN, 1)
    assert outcome.sentence == (
        f"llama-swap does not take {home.config} as you edited it (unknown macro '${{oops}}' found in"
        " mine.cmd); it goes on with the one before. Your edit stays: mend it, and it is tried again."
    )
    assert home.config.read_bytes() == EDITED
    assert home.box.serves
    assert home.box.models == ids_of(BEFORE)


def test_a_bad_edit_is_tried_once_and_named_until_it_is_mended(home: House) -> None:
    home.box.refuses = refusing("mine")
    save(known(home), EDITED)
    home.roll_out()
    assert home.roll_out().exit_code == 1
    assert home.box.reloads == 1
    save(home, BEFORE + b"  good:\n    cmd: serve good\n")
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "good"}


def test_a_llama_swap_that_was_started_after_the_edit_is_left_alone(home: House) -> None:
    save(known(home), EDITED)
    home.clock.wait(5)
    home.box.start()
    assert home.roll_out().kind is Kind.NOTHING
    assert (home.box.restarts_asked, home.box.reloads) == (0, 0)


def test_one_that_watches_the_file_is_not_told_twice(home: House) -> None:
    home.box.flags = ("-watch-config",)
    save(known(home), EDITED)
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.reloads == 1


def test_an_edit_is_left_to_the_person_where_nothing_is_to_be_applied(home: House) -> None:
    home.set(apply="none")
    save(known(home), EDITED)
    assert home.roll_out().kind is Kind.NOTHING
    assert (home.box.restarts_asked, home.box.reloads) == (0, 0)


def test_our_own_write_is_no_edit(home: House) -> None:
    known(home).library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    assert home.roll_out().kind is Kind.NOTHING
    assert home.box.reloads == 0


def test_the_profile_is_set_again_after_an_edit(home: House) -> None:
    known(home).box.profile = "coding"
    save(home, EDITED)
    home.roll_out()
    assert home.box.profile == "coding"


@pytest.mark.parametrize("apply", ["restart", "reload"])
def test_a_bad_edit_is_neither_restarted_into_nor_blamed_on_a_new_model(home: House, apply: str) -> None:
    home.box.refuses = refusing("mine")
    home.set(apply=apply)
    save(known(home), EDITED)
    home.library.append("new.gguf")
    outcome = home.roll_out()
    assert outcome.kind is Kind.BROKEN
    assert outcome.sentence == (
        f"llama-swap does not take {home.config} as you edited it (unknown macro '${{oops}}' found in"
        " mine.cmd); it goes on with the one before. Your edit stays: mend it, and it is tried again."
    )
    assert home.roll_out().sentence == outcome.sentence
    assert (home.box.restarts_asked, home.box.reloads) == (0, 1)
    assert home.box.status == "running"
    assert home.box.models == {"old"}
    assert home.config.read_bytes() == EDITED

    save(home, BEFORE)
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "new"}


def test_an_edit_and_a_new_model_at_once_are_both_taken_up(home: House) -> None:
    save(known(home), EDITED)
    home.library.append("new.gguf")
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "mine", "new"}
    assert (home.box.restarts_asked, home.box.reloads) == (1, 1)


def test_a_refused_edit_is_well_once_a_llama_swap_that_takes_it_was_started(home: House) -> None:
    home.box.refuses = refusing("mine")
    save(known(home), EDITED)
    assert home.roll_out().kind is Kind.BROKEN
    home.box.refuses = accepts_all
    home.clock.wait(1)
    home.box.start()
    assert home.roll_out().kind is Kind.NOTHING
    home.library.append("new.gguf")
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "mine", "new"}
