"""Rollouts from drain to verification, against a box that behaves as llama-swap was seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama_swap_sync.apply.outcome import Kind
from tests.fakes.box import ids_of
from tests.unit.apply.room import BEFORE, House, house, refusing


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path)


def test_a_new_model_is_served_after_one_restart(home: House) -> None:
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.APPLIED, 0)
    assert outcome.sentence == "llama-swap serves the new config.yaml."
    assert home.box.models == {"old", "new"}
    assert home.box.restarts_asked == 1
    assert home.state.read("rollout") is None


def test_nothing_new_asks_nobody_for_anything(home: House) -> None:
    calls: list[str] = []
    home.before_call = calls.append
    assert home.roll_out().kind is Kind.NOTHING
    assert calls == []


def test_several_models_are_one_rollout(home: House) -> None:
    home.library = ["a.gguf", "b.gguf", "c.gguf"]
    home.roll_out()
    assert home.box.restarts_asked == 1
    assert home.box.models == {"old", "a", "b", "c"}


def test_a_running_answer_ends_before_the_file_is_written(home: House) -> None:
    home.library = ["new.gguf"]
    home.box.streams = 1
    ended_with: list[bytes] = []

    def end_the_answer(now: float) -> None:
        if now >= 20 and home.box.streams:
            home.box.streams = 0
            ended_with.append(home.config.read_bytes())

    home.clock.passing.append(end_the_answer)
    assert home.roll_out().kind is Kind.APPLIED
    assert ended_with == [BEFORE]
    assert home.box.cut == 0


def test_after_the_drain_timeout_the_answer_is_cut_and_the_log_says_so(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    home.library = ["new.gguf"]
    home.box.streams = 1
    home.set(drain_timeout=3.0)
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.cut == 1
    assert (
        "1 answer is still being generated after 3 s (SYNC_DRAIN_TIMEOUT): going ahead, which cuts it."
        in caplog.text
    )


def test_a_refused_config_is_rolled_back_to_the_very_bytes(home: House) -> None:
    home.library = ["bad.gguf"]
    home.box.refuses = refusing("bad")
    outcome = home.roll_out()
    assert home.config.read_bytes() == BEFORE
    assert home.box.serves
    assert outcome.kind is Kind.REFUSED
    assert outcome.exit_code == 1
    assert outcome.sentence == (
        "llama-swap refuses bad (bad.gguf): unknown macro '${oops}' found in bad.cmd. The previous"
        " config.yaml is back and served."
    )
    assert outcome.refused == {"bad.gguf": "unknown macro '${oops}' found in bad.cmd"}


def test_what_was_refused_is_not_tried_again_until_something_changes(home: House) -> None:
    home.library = ["bad.gguf"]
    home.box.refuses = refusing("bad")
    home.roll_out()
    restarts = home.box.restarts_asked
    again = home.roll_out()
    assert home.box.restarts_asked == restarts
    assert again.exit_code == 1
    assert again.sentence == (
        "Still without an entry, as llama-swap refuses it: bad.gguf"
        " (unknown macro '${oops}' found in bad.cmd)."
    )


@pytest.mark.parametrize("change", ["settings", "file", "model"])
def test_what_was_refused_is_tried_again_when_something_changed(home: House, change: str) -> None:
    model = home.settings.models_dir / "bad.gguf"
    model.parent.mkdir()
    model.write_bytes(b"broken")
    home.library = ["bad.gguf"]
    home.box.refuses = refusing("bad")
    home.roll_out()
    home.box.refuses = lambda _: None
    if change == "settings":
        home.set(llama_args=("-c", "1"))
    elif change == "file":
        home.config.write_bytes(BEFORE + b"# edited\n")
    else:
        model.write_bytes(b"a whole file")
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "bad"}


@pytest.mark.parametrize("naming", [True, False])
@pytest.mark.parametrize("culprit", range(8))
def test_one_culprit_among_eight_is_named_and_the_others_are_served(
    home: House, culprit: int, naming: bool
) -> None:
    ids = [f"m{number}" for number in range(8)]
    home.library = [f"{id}.gguf" for id in ids]
    home.box.refuses = refusing(ids[culprit], naming=naming)
    loads: list[bytes] = []
    verdict = home.box.refuses

    def remembering(data: bytes) -> str | None:
        loads.append(data)
        return verdict(data)

    home.box.refuses = remembering
    outcome = home.roll_out()
    assert home.box.models == {"old", *ids} - {ids[culprit]}
    assert ids_of(home.config.read_bytes()) == home.box.models
    assert list(outcome.refused) == [f"m{culprit}.gguf"]
    assert outcome.sentence.endswith("Everything else is served without it.")
    assert outcome.exit_code == 1
    tried = [data for data in dict.fromkeys(loads) if data != BEFORE]
    # The first, log2 8 of the search, and one that rolls out what was set aside on the way.
    assert len(tried) <= (2 if naming else 1 + 3 + 1)


def test_when_every_new_entry_is_bad_the_previous_bytes_are_back_and_nothing_is_tried_twice(
    home: House,
) -> None:
    ids = [f"m{number}" for number in range(4)]
    home.library = [f"{id}.gguf" for id in ids]
    home.box.refuses = refusing(*ids, naming=False)
    outcome = home.roll_out()
    assert outcome.kind is Kind.REFUSED
    assert home.config.read_bytes() == BEFORE
    assert home.box.serves
    restarts = home.box.restarts_asked
    assert home.roll_out().tried_before
    assert home.box.restarts_asked == restarts


def test_a_file_that_was_broken_before_us_stays_as_the_person_wrote_it(tmp_path: Path) -> None:
    broken = b"models:\n  old:\n    cmd: ${gone}\n"
    home = house(tmp_path, before=broken, refuses=lambda _data: "unknown macro '${gone}' found in old.cmd")
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert home.config.read_bytes() == broken
    assert outcome.kind is Kind.BROKEN
    assert outcome.sentence == (
        f"llama-swap does not serve {home.config} as it was before this run either (unknown macro '${{gone}}'"
        " found in old.cmd): it is left as you wrote it. Mend it; what is new is added after that."
    )
    restarts = home.box.restarts_asked
    assert home.roll_out().tried_before
    assert home.box.restarts_asked == restarts
    home.box.refuses = lambda _data: None
    home.clock.wait(1)
    assert home.roll_out().kind is Kind.APPLIED


def test_a_missing_container_is_written_for_and_the_names_that_exist_are_given(home: House) -> None:
    home.library = ["new.gguf"]
    home.engine.absent = ["plex", "llama_swap"]
    home.box.status = "exited"
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.WRITTEN, 0)
    assert outcome.sentence == (
        "config.yaml is written; it takes effect when llama-swap starts. There is no container called"
        " llama-swap (LLAMA_SWAP_CONTAINER); there are llama_swap, plex."
    )
    assert ids_of(home.config.read_bytes()) == {"old", "new"}
    assert home.roll_out().sentence == ""


def test_what_was_written_without_a_container_is_verified_once_it_runs(home: House) -> None:
    home.library = ["bad.gguf"]
    home.box.refuses = refusing("bad")
    home.engine.absent = []
    home.box.status = "exited"
    home.roll_out()
    home.engine.absent = None
    home.box.start()
    outcome = home.roll_out()
    assert home.config.read_bytes() == BEFORE
    assert list(outcome.refused) == ["bad.gguf"]
    assert home.box.serves
