"""Rollouts from drain to verification, against a box that behaves as llama-swap was seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama_swap_sync.apply.outcome import Kind
from llama_swap_sync.config.store import Locked
from tests.fakes.box import ids_of
from tests.unit.apply.room import BEFORE, House, house, refusing


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


@pytest.mark.parametrize(
    ("mode", "flags"),
    [
        ("reload", ()),
        ("reload", ("-watch-config",)),
        ("watch", ("-watch-config",)),
        ("restart", ("-watch-config",)),
    ],
)
@pytest.mark.parametrize("naming", [True, False])
def test_the_culprit_is_found_whatever_the_way_to_apply(
    tmp_path: Path, mode: str, flags: tuple[str, ...], naming: bool
) -> None:
    home = house(tmp_path, flags=flags, refuses=refusing("m2", naming=naming))
    home.set(apply=mode)
    home.library = ["m0.gguf", "m1.gguf", "m2.gguf", "m3.gguf"]
    outcome = home.roll_out()
    assert list(outcome.refused) == ["m2.gguf"]
    assert home.box.models == ids_of(home.config.read_bytes()) == {"old", "m0", "m1", "m3"}


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


def test_a_file_that_a_watching_llama_swap_refuses_already_is_left_alone(tmp_path: Path) -> None:
    home = house(tmp_path, flags=("-watch-config",), refuses=refusing("mine"))
    broken = BEFORE + b"  mine:\n    cmd: ${oops}\n"
    home.config.write_bytes(broken)
    home.clock.wait(3)
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.BROKEN, 1)
    assert outcome.sentence == (
        f"llama-swap refuses {home.config} as it stands and goes on with an older one (unknown macro"
        " '${oops}' found in mine.cmd): nothing was changed. Mend it; what is new is added after that."
    )
    assert home.config.read_bytes() == broken
    assert home.box.models == {"old"}
    assert home.box.restarts_asked == 0
    home.config.write_bytes(BEFORE)
    home.clock.wait(3)
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


# --- the ways to apply ---


def test_a_reload_is_one_signal(home: House) -> None:
    home.set(apply="reload")
    home.library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    assert (home.box.reloads, home.box.restarts_asked) == (1, 0)
    assert home.box.models == {"old", "new"}


def test_a_watching_llama_swap_is_not_signalled_on_top(tmp_path: Path) -> None:
    home = house(tmp_path, flags=("-watch-config",))
    home.set(apply="reload")
    home.library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    home.clock.wait(60)
    assert (home.box.reloads, home.box.restarts_asked) == (1, 0)


@pytest.mark.parametrize("apply", ["reload", "watch"])
def test_a_dropped_reload_is_asked_for_once_more(tmp_path: Path, apply: str) -> None:
    home = house(tmp_path, flags=("-watch-config",), drops_reloads=1)
    home.set(apply=apply)
    home.library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.reloads == 2
    assert home.box.models == {"old", "new"}


@pytest.mark.parametrize("flags", [(), ("-watch-config",)])
def test_a_refused_reload_cuts_nobody_twice(tmp_path: Path, flags: tuple[str, ...]) -> None:
    home = house(tmp_path, flags=flags, refuses=refusing("bad"))
    home.set(apply="reload")
    home.library = ["bad.gguf"]
    outcome = home.roll_out()
    assert outcome.refused == {"bad.gguf": "unknown macro '${oops}' found in bad.cmd"}
    assert home.config.read_bytes() == BEFORE
    assert home.box.models == {"old"}
    assert home.box.restarts_asked == 0
    assert home.box.reloads == (2 if flags else 1)


def test_the_active_profile_is_set_again(home: House) -> None:
    home.box.profile = "night"
    home.library = ["new.gguf"]
    home.roll_out()
    assert home.box.profile == "night"


def test_the_active_profile_comes_back_after_a_refusal_too(home: House) -> None:
    home.box.profile = "night"
    home.library = ["bad.gguf"]
    home.box.refuses = refusing("bad")
    home.roll_out()
    assert home.box.profile == "night"


def test_apply_none_writes_and_leaves_llama_swap_alone(home: House) -> None:
    home.set(apply="none")
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.WRITTEN, 0)
    assert (home.box.reloads, home.box.restarts_asked) == (0, 0)
    assert home.state.read("rollout") is None


def test_without_an_address_the_container_alone_tells(home: House) -> None:
    home.without_llama_swap = True
    home.set(url="")
    home.library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    home.library = ["new.gguf", "bad.gguf"]
    home.box.refuses = refusing("bad")
    assert list(home.roll_out().refused) == ["bad.gguf"]
    assert home.box.models == {"old", "new"}


# --- other people's hands ---


def test_an_edit_saved_while_answers_are_drained_is_planned_on(home: House) -> None:
    home.library = ["new.gguf"]
    edited = BEFORE + b"  mine:\n    cmd: serve mine\n"

    def save_once() -> None:
        home.edit = None
        home.config.write_bytes(edited)

    home.edit = save_once
    home.roll_out()
    assert home.config.read_bytes() == edited + b"  new:\n    cmd: serve new\n"
    assert home.box.restarts_asked == 1


def test_an_edit_saved_before_the_way_back_stays(home: House) -> None:
    home.library = ["bad.gguf"]
    mended = b"models:\n  mended:\n    cmd: serve mended\n"
    refuses = refusing("bad")

    def refuse_and_mend(data: bytes) -> str | None:
        reason = refuses(data)
        if reason:
            home.config.write_bytes(mended)
        return reason

    home.box.refuses = refuse_and_mend
    outcome = home.roll_out()
    assert home.config.read_bytes() == mended
    assert outcome.exit_code == 1
    assert "somebody has saved another one meanwhile: that one stays as it is." in outcome.sentence


def test_a_paused_container_takes_the_change_up_later(home: House) -> None:
    home.box.status = "paused"
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.PENDING, 1)
    assert outcome.sentence == (
        "config.yaml is written, but not served yet. Container llama-swap is paused: `docker unpause"
        " llama-swap` lets it go on."
    )
    home.box.status = "running"
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "new"}
    assert home.box.restarts_asked == 1


def test_what_is_owed_is_said_once(home: House, caplog: pytest.LogCaptureFixture) -> None:
    home.box.status = "exited"
    home.library = ["new.gguf"]
    with caplog.at_level("INFO"):
        home.roll_out()
        home.roll_out()
    assert caplog.text.count("config.yaml is written; it takes effect when llama-swap starts.") == 1


def test_what_does_not_stand_is_left_to_the_caller_to_say(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    home.box.status = "paused"
    home.library = ["new.gguf"]
    with caplog.at_level("INFO"):
        outcome = home.roll_out()
    assert outcome.exit_code == 1
    assert outcome.sentence not in caplog.text


def test_a_second_change_while_one_is_owed_goes_the_same_way_back(home: House) -> None:
    home.box.status = "paused"
    home.library = ["new.gguf"]
    home.roll_out()
    home.library = ["new.gguf", "bad.gguf"]
    home.roll_out()
    home.box.refuses = refusing("bad")
    home.box.status = "running"
    outcome = home.roll_out()
    assert list(outcome.refused) == ["bad.gguf"]
    assert home.box.models == {"old", "new"}


@pytest.mark.parametrize(
    "trouble",
    [
        "llama-swap at http://llama-swap:8080 answers 401: set LLAMA_SWAP_API_KEY.",
        "llama-swap at http://llama-swap:8080 answers 500 to /v1/models.",
        "llama-swap at http://llama-swap:8080 does not answer in time.",
    ],
)
def test_a_llama_swap_that_could_never_be_asked_does_not_condemn_the_change(
    home: House, trouble: str
) -> None:
    home.box.http_fails = trouble
    home.library = ["new.gguf"]
    outcome = home.roll_out()
    assert (outcome.kind, outcome.exit_code) == (Kind.APPLIED, 0)
    assert outcome.sentence == (
        f"config.yaml is applied and llama-swap runs, but it could not be asked. {trouble}"
    )
    assert ids_of(home.config.read_bytes()) == {"old", "new"}


def test_a_watching_llama_swap_is_served_without_docker(tmp_path: Path) -> None:
    home = house(tmp_path, flags=("-watch-config",))
    home.without_engine = True
    home.library = ["new.gguf"]
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "new"}


def test_a_second_rollout_is_refused_while_one_is_under_way(home: House) -> None:
    home.library = ["new.gguf"]
    with home.store.lock(), pytest.raises(Locked):
        home.roll_out()


def test_resume_finishes_what_is_owed_and_has_nothing_to_do_otherwise(home: House) -> None:
    assert home.resume() is None
    home.box.status = "paused"
    home.library = ["new.gguf"]
    home.roll_out()
    home.box.status = "running"
    outcome = home.resume()
    assert outcome is not None
    assert outcome.kind is Kind.APPLIED


def test_a_hundred_models_one_by_one_are_a_hundred_restarts_and_nothing_in_between(home: House) -> None:
    for number in range(100):
        home.library.append(f"m{number}.gguf")
        assert home.roll_out().kind is Kind.APPLIED
        assert home.roll_out().kind is Kind.NOTHING
    assert home.box.restarts_asked == 100
