from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llama_swap_sync.service.last_pass import NAME, LastPass
from llama_swap_sync.service.loop import Loop
from llama_swap_sync.service.pacing import DAY
from llama_swap_sync.settings import Settings, read
from tests.fakes.world import FakeChild, FakeWorld

MODEL = (100, 1, 2, 3)


class Box:
    """A loop in a fake world; `run` turns it for so many seconds as the real one would."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.world = FakeWorld(folder)
        settings = read({"LLAMA_SWAP_CONFIG": str(folder / "config.yaml")}, in_image=True).settings
        self.settings: Settings = dataclasses.replace(settings, **changes)
        self.loop = Loop(self.settings, self.world)
        self.turns = 0

    def run(self, seconds: float) -> None:
        end = self.world.time + seconds
        while self.world.time < end:
            self.turns += 1
            self.world.advance(min(self.loop.turn(), end - self.world.time))

    def started(self, command: str) -> list[FakeChild]:
        return [child for child in self.world.children if child.arguments[0] == command]

    def end_pass(self, code: int = 0, **said: Any) -> None:
        """The running pass ends; what it said is in the state unless it could not say anything."""
        if said:
            at = self.world.wall.timestamp()
            last = LastPass(**{"ok": code == 0, "at": at, **said})
            self.world.state.write(NAME, last.as_dict())
        self.started("pass")[-1].code = code

    @property
    def problems(self) -> tuple[str, ...]:
        return self.world.beats[-1].problems

    def settle_in(self) -> None:
        """The first pass has run and left nothing to do."""
        self.run(10)
        self.end_pass(summary="nothing to do")
        self.run(30)


@pytest.fixture
def box(tmp_path: Path) -> Callable[..., Box]:
    return lambda **changes: Box(tmp_path, **changes)


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    monkeypatch.setattr(logging.getLogger("llama_swap_sync"), "propagate", True)
    caplog.set_level(logging.INFO, logger="llama_swap_sync")
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_first_pass_runs_once_the_settle_time_is_over_even_with_nothing_there(
    box: Callable[..., Box],
) -> None:
    it = box()
    it.world.config = None
    it.run(4.9)
    assert it.started("pass") == []
    it.run(0.5)
    assert [child.arguments for child in it.started("pass")] == [("pass",)]


def test_the_first_pass_leaves_nothing_out_that_lay_there(tmp_path: Path) -> None:
    it = Box(tmp_path)
    it.world.advance(0.1)
    it.world.files["a.gguf"] = MODEL
    it.run(120)
    it.end_pass(summary="added a")
    it.run(120)
    assert [child.arguments for child in it.started("pass")] == [("pass",)]


def test_nothing_is_run_or_logged_while_nothing_changes(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box(updates="off")
    it.settle_in()
    it.run(DAY - 100)
    assert len(it.world.children) == 1
    assert heard() == []


def test_a_line_a_day_says_that_it_still_looks(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box()
    it.settle_in()
    it.run(3 * DAY)
    assert heard() == [
        "Still looking at /models: 0 model files, passes in the last day: 1",
        "Still looking at /models: 0 model files, passes in the last day: 0",
        "Still looking at /models: 0 model files, passes in the last day: 0",
    ]


def test_a_new_model_gets_a_pass_after_one_interval_and_the_settle_time(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    it.world.files["a.gguf"] = MODEL
    it.run(it.settings.interval + it.settings.settle + 0.1)
    assert len(it.started("pass")) == 2


def test_a_file_that_is_still_being_copied_is_left_out_of_the_pass(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    it.world.files["whole.gguf"] = MODEL
    for size in range(4):
        it.world.files["growing.gguf"] = (size, 1, 2, 3)
        it.run(4.5)
    assert it.started("pass")[-1].arguments == ("pass", "--leave-out", "growing.gguf")
    it.end_pass(summary="added whole")
    it.run(30)
    assert it.started("pass")[-1].arguments == ("pass",)
    assert len(it.started("pass")) == 3


def test_several_models_at_once_are_one_pass(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    it.world.files |= {f"{number}.gguf": MODEL for number in range(20)}
    it.run(60)
    it.end_pass(summary="added 20")
    it.run(600)
    assert len(it.started("pass")) == 2


def test_a_pass_that_wrote_is_followed_by_one_that_looks_and_by_no_more(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    it.world.files["a.gguf"] = MODEL
    it.run(21)
    it.world.config = (20, 5, 8)
    it.run(120)
    it.end_pass(summary="added a", fingerprint="after")
    it.run(60)
    it.end_pass(summary="nothing to do", fingerprint="after")
    it.run(600)
    assert len(it.started("pass")) == 3


def test_a_config_that_was_made_and_deleted_between_two_looks_gets_a_pass(box: Callable[..., Box]) -> None:
    it = box()
    it.world.config = None
    it.run(10)
    it.end_pass(summary="made", fingerprint="made")
    it.run(30)
    assert len(it.started("pass")) == 2


@pytest.mark.parametrize("config", [(11, 9, 7), None], ids=["edited", "deleted"])
def test_a_config_that_a_person_changed_gets_a_pass(
    box: Callable[..., Box], config: tuple[int, int, int] | None
) -> None:
    it = box()
    it.settle_in()
    it.world.config = config
    it.run(21)
    assert len(it.started("pass")) == 2


def test_an_edit_during_a_pass_gets_a_pass_of_its_own(box: Callable[..., Box]) -> None:
    it = box()
    it.run(10)
    it.world.config = (12, 1, 7)
    it.run(60)
    it.end_pass(summary="nothing to do")
    it.run(30)
    assert len(it.started("pass")) == 2


def test_no_pass_begins_while_somebody_is_saving_the_config_again_and_again(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    it.world.files["a.gguf"] = MODEL
    for save in range(10):
        it.world.config = (10, save + 1, 7)
        it.run(4)
    assert len(it.started("pass")) == 1
    it.run(10)
    assert len(it.started("pass")) == 2


def test_a_pass_that_asks_to_look_again_is_run_again_then(box: Callable[..., Box]) -> None:
    it = box()
    it.run(10)
    it.end_pass(summary="waits", look_again_at=it.world.wall.timestamp() + 600)
    it.run(590)
    assert len(it.started("pass")) == 1
    it.run(20)
    assert len(it.started("pass")) == 2


@pytest.mark.parametrize("jump", [-10 * 365 * DAY, 10 * 365 * DAY], ids=["back", "forward"])
def test_a_clock_that_jumps_changes_nothing_about_a_promised_look(
    box: Callable[..., Box], jump: float
) -> None:
    it = box(updates="off")
    it.run(10)
    it.end_pass(summary="waits", look_again_at=it.world.wall.timestamp() + 600)
    it.run(15)
    it.world.jump(jump)
    it.run(500)
    assert len(it.started("pass")) == 1
    it.run(100)
    assert len(it.started("pass")) == 2


def test_a_pass_that_always_wants_another_does_not_become_a_storm(box: Callable[..., Box]) -> None:
    it = box()
    it.run(10)
    began = it.world.time
    for _ in range(1000):
        if it.started("pass")[-1].code is None:
            it.end_pass(summary="again", look_again_at=1.0)
        it.loop.turn()
        it.world.advance(0.01)  # the end of a child wakes the loop at once
    assert len(it.started("pass")) <= it.world.time - began + 2


def test_a_failing_pass_is_named_once_and_tried_again_with_growing_pauses(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box()
    started = 0
    while it.world.time < 1000 + DAY / 2:
        it.run(15)
        if len(it.started("pass")) > started:
            started = len(it.started("pass"))
            it.end_pass(1, problem="config.yaml:3:1: a tab where YAML allows none")
    assert heard() == ["config.yaml:3:1: a tab where YAML allows none"]
    assert 15 <= started <= 20
    assert it.problems == ("config.yaml:3:1: a tab where YAML allows none",)


def test_what_was_wrong_and_is_no_more_is_said(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box()
    it.run(10)
    it.end_pass(1, problem="no space")
    it.run(60)
    it.end_pass(summary="done")
    it.run(15)
    assert heard() == ["no space", "What the last pass could not do is done now"]
    assert not it.problems


def test_a_change_is_tried_at_once_though_the_last_pass_failed(box: Callable[..., Box]) -> None:
    it = box()
    it.run(10)
    for _ in range(8):
        it.end_pass(1, problem="config.yaml:3:1: broken")
        it.run(3700)
    count = len(it.started("pass"))
    it.end_pass(1, problem="config.yaml:3:1: broken")
    it.run(20)
    it.world.config = (11, 1, 7)
    it.run(25)
    assert len(it.started("pass")) == count + 1


def test_a_pass_that_was_killed_before_it_could_speak_is_named(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box()
    it.run(10)
    it.end_pass(-9)
    it.run(15)
    assert heard() == ["The last pass was killed by signal 9 before it could say why; see the lines above"]


def test_an_old_word_of_an_earlier_pass_is_not_taken_for_that_of_a_killed_one(
    box: Callable[..., Box],
) -> None:
    it = box()
    it.world.state.write(NAME, LastPass(ok=False, at=1.0, problem="an old problem").as_dict())
    it.run(10)
    it.end_pass(-9)
    it.run(15)
    assert it.problems == (
        "The last pass was killed by signal 9 before it could say why; see the lines above",
    )


def test_a_machine_without_processes_to_give_is_tried_again(box: Callable[..., Box]) -> None:
    it = box()
    it.world.no_process = True
    it.run(10)
    it.world.no_process = False
    it.run(60)
    assert len(it.started("pass")) == 1


def test_a_models_directory_that_disappears_is_unhealthy_and_starts_no_pass(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box()
    it.world.files["a.gguf"] = MODEL
    it.settle_in()
    it.world.files, it.world.problem = {}, "/models is not there"
    it.run(3600)
    assert len(it.started("pass")) == 1
    assert it.problems == ("/models is not there",)
    assert it.turns < 300
    it.world.files, it.world.problem = {"a.gguf": MODEL}, None
    it.run(60)
    assert not it.problems
    assert len(it.started("pass")) == 1
    assert heard() == ["/models is not there", "The models directory can be seen again"]


def test_a_change_that_waits_for_the_share_to_return_does_not_keep_the_loop_busy(
    box: Callable[..., Box],
) -> None:
    it = box()
    it.settle_in()
    it.world.config = (11, 1, 7)
    it.run(1)
    it.world.problem = "/models is not there"
    before = it.turns
    it.run(3600)
    assert it.turns - before < 300
    it.world.problem = None
    it.run(30)
    assert len(it.started("pass")) == 2


def test_an_empty_folder_in_the_place_of_a_share_starts_no_pass(box: Callable[..., Box]) -> None:
    it = box(prune=True)
    it.world.files["a.gguf"] = MODEL
    it.settle_in()
    it.world.files, it.world.root = {}, (99, 2)
    it.run(3600)
    assert len(it.started("pass")) == 1
    assert it.problems == (
        "/models is empty and no longer the folder that held 1 model files: mount the share again;"
        " nothing is pruned until then",
    )


def test_a_last_model_that_a_person_deleted_is_an_ordinary_change(box: Callable[..., Box]) -> None:
    it = box()
    it.world.files["a.gguf"] = MODEL
    it.settle_in()
    it.world.files = {}
    it.run(30)
    assert len(it.started("pass")) == 2
    assert not it.problems


def test_declared_models_are_fetched_at_the_start_beside_the_passes(box: Callable[..., Box]) -> None:
    it = box(models=("ggml-org/gemma-3-270m-GGUF:Q4_K_M",))
    it.run(10)
    assert len(it.started("fetch")) == 1
    assert len(it.started("pass")) == 1
    it.end_pass(summary="nothing to do")
    it.world.files["a.gguf"] = MODEL
    it.run(30)
    assert len(it.started("pass")) == 2
    assert len(it.started("fetch")) == 1
    assert it.world.beats[-1].working == ("pass", "fetch")


def test_a_failed_fetch_is_tried_again_with_growing_pauses_and_does_not_make_the_box_unhealthy(
    box: Callable[..., Box], heard: Callable[[], list[str]]
) -> None:
    it = box(models=("a/b:Q4_K_M",), updates="off")
    it.run(10)
    it.end_pass(summary="nothing to do")
    for _ in range(int(DAY / 60) - 10):
        if (last := it.started("fetch")[-1]).code is None:
            last.code = 2
        it.run(60)
    assert 8 <= len(it.started("fetch")) <= 14
    assert not it.problems
    assert heard() == ["A download ended with exit code 2; see the lines above, it is tried again by itself"]


def test_nothing_is_fetched_without_models_and_with_updates_off(box: Callable[..., Box]) -> None:
    it = box(updates="off")
    it.run(3 * DAY)
    assert it.started("fetch") == []


def test_updates_are_looked_for_at_their_hour(box: Callable[..., Box]) -> None:
    it = box(tz="UTC")
    it.run(15.9 * 3600)
    assert it.started("fetch") == []
    it.run(0.2 * 3600)
    assert [child.arguments for child in it.started("fetch")] == [("fetch",)]


def test_updates_that_come_due_during_a_long_download_follow_it(box: Callable[..., Box]) -> None:
    it = box(tz="UTC", models=("a/b:Q4_K_M",))
    it.run(16.1 * 3600)
    it.started("fetch")[-1].code = 0
    it.run(60)
    assert len(it.started("fetch")) == 2


def test_updates_that_were_due_while_the_box_was_off_are_looked_for_at_the_start(tmp_path: Path) -> None:
    earlier = Box(tmp_path)
    earlier.run(60)
    later = Box(tmp_path)
    later.world.jump(2 * DAY)
    later.loop = Loop(later.settings, later.world)
    later.run(30)
    assert len(later.started("fetch")) == 1


@pytest.mark.parametrize("jump", [-3 * 365 * DAY, 3 * 365 * DAY], ids=["back", "forward"])
def test_a_clock_that_jumps_looks_for_updates_once_at_the_most(box: Callable[..., Box], jump: float) -> None:
    it = box()
    it.run(60)
    it.world.jump(jump)
    it.run(3600)
    assert len(it.started("fetch")) <= 1


def test_two_thousand_looks_wake_the_loop_no_more_often_than_the_interval(box: Callable[..., Box]) -> None:
    it = box()
    it.settle_in()
    before = it.turns
    it.run(2000 * it.settings.interval)
    assert it.turns - before <= 2001


def test_every_child_gets_sigterm_at_the_end(box: Callable[..., Box]) -> None:
    it = box(models=("a/b:Q4_K_M",))
    it.run(10)
    it.loop.end()
    assert [child.signals for child in it.world.children] == [["TERM"], ["TERM"]]


def test_the_heartbeat_says_what_the_health_check_needs(box: Callable[..., Box]) -> None:
    it = box()
    it.world.files["a.gguf"] = MODEL
    it.run(10)
    beat = it.world.beats[-1]
    assert (beat.interval, beat.files, beat.engine, beat.status_port, beat.working) == (
        15.0,
        1,
        "unix:///var/run/docker.sock",
        8081,
        ("pass",),
    )


@pytest.mark.parametrize("apply", ["watch", "none"])
def test_no_docker_is_asked_for_where_none_is_needed(box: Callable[..., Box], apply: str) -> None:
    it = box(apply=apply)
    it.run(10)
    assert it.world.beats[-1].engine == ""


HANGS = (
    "The last pass had not ended after 14820 s, longer than any pass needs: it hangs in the models directory,"
    " the config folder or Docker; it is told to end, and another one begins when it has"
)


def test_a_pass_that_never_ends_is_told_to_end_is_the_reason_and_is_followed_by_another(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    sync = box(interval=DAY)
    sync.run(14820)
    assert sync.started("pass")[0].signals == []
    sync.run(10)
    assert sync.started("pass")[0].signals == ["TERM"]
    assert sync.problems == (HANGS,)
    sync.run(40)
    assert len(sync.started("pass")) == 2
    sync.end_pass(summary="done")
    sync.run(2 * DAY)
    assert not sync.problems
    assert [record.message for record in caplog.records if "told to end" in record.message] == [HANGS]


def test_no_second_pass_begins_beside_one_that_no_signal_reaches(box: Callable[..., Box]) -> None:
    sync = box(interval=60.0)
    sync.run(100)
    hung = sync.started("pass")[0]
    hung.code = None
    hung.terminate = hung.kill = lambda: None  # type: ignore[method-assign]
    sync.run(20_000)
    assert len(sync.started("pass")) == 1
    assert sync.problems == (HANGS,)
