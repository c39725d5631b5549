"""Every call of a rollout fails in turn, and ahead of every one the process dies in turn: the promises hold.

The calls are those to the file system, the engine and llama-swap together, in the order in which they are
made. After each failure the sync is started again until nothing is owed; then config.yaml is whole,
llama-swap serves it, and no restart came on top of the one that the change itself needs.
"""

from __future__ import annotations

import errno
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llama_swap_sync.apply.engine import EngineDenied, EngineUnreachable
from llama_swap_sync.apply.llama_swap import LlamaSwapError, Unauthorised
from llama_swap_sync.apply.outcome import Kind
from llama_swap_sync.errors import SyncError
from tests.fakes.box import ids_of
from tests.fakes.files import Call, Killed, LayeredFiles, failing_with
from tests.unit.apply.room import BEFORE, House, house, refusing

_ENGINE = ("inspect", "restart", "reload", "logs", "names")
_FILE_CHANGES = ("make_folder", "create", "write", "truncate", "replace", "remove")
_CHANGES = frozenset(
    {
        *(f"file {name}" for name in _FILE_CHANGES),
        *("restart", "restart answered", "reload", "reload answered", "set profile"),
    }
)
_MOST_CALLS = 600


class Fuse(LayeredFiles):
    """Call number `at` of those that `fault` has an error for meets it. A dead process makes none."""

    def __init__(self, at: int, fault: Callable[[str], BaseException | None]) -> None:
        super().__init__()
        self.at = at
        self.fault = fault
        self.count = 0
        self.blown = ""

    def sync(self, descriptor: int) -> None:
        """What a disk confirms is not looked at here, and takes most of the time."""
        self._at("sync", descriptor)

    def sync_folder(self, folder: Path) -> None:
        self._at("sync_folder", folder)

    def before(self, call: Call) -> None:
        self.strike(f"file {call.name}")

    def strike(self, name: str) -> None:
        if self.blown and self.fault is killed:
            raise Killed(name)
        fault = self.fault(name)
        self.count += fault is not None
        if fault is not None and self.count == self.at:
            self.blown = name
            raise fault


def killed(name: str) -> BaseException | None:
    """A death ahead of a call that only looks is the death ahead of the next one that changes something."""
    return Killed(name) if name in _CHANGES else None


def _file_error(code: int) -> Callable[[str], BaseException | None]:
    def fault(name: str) -> BaseException | None:
        return failing_with(code)(Call(name, Path("config.yaml"))) if name.startswith("file ") else None

    return fault


def _engine_error(kind: type[SyncError], text: str) -> Callable[[str], BaseException | None]:
    return lambda name: kind(text) if name in _ENGINE else None


def _llama_swap_error(kind: type[SyncError], text: str) -> Callable[[str], BaseException | None]:
    def fault(name: str) -> BaseException | None:
        other = name.startswith("file ") or name in _ENGINE or name.endswith("answered")
        return None if other else kind(text)

    return fault


def _started_again_until_done(home: House) -> None:
    for _ in range(5):
        outcome = home.roll_out()
        home.clock.wait(1)
        if not outcome.pending:
            return
    raise AssertionError("still pending after five starts")


def _run_with(home: House, fuse: Fuse) -> None:
    plain, home.files = home.files, fuse
    home.before_call = fuse.strike
    try:
        home.roll_out()
    except (Killed, SyncError, OSError):
        pass
    finally:
        home.files, home.before_call = plain, lambda _name: None
        if fuse.fault is killed:
            gc.collect()  # with the process its kernel lock goes


def _each_call(tmp_path: Path, fault: Callable[[str], BaseException | None], **box: Any) -> list[House]:
    """A house for each call of a rollout, in which that call met `fault` and the sync was started again."""
    houses: list[House] = []
    for at in range(1, _MOST_CALLS):
        folder = tmp_path / str(at)
        folder.mkdir()
        home = house(folder, **box)
        home.box.profile = "mine"
        home.library = ["new.gguf"]
        fuse = Fuse(at, fault)
        _run_with(home, fuse)
        if fuse.count < at:
            return houses
        assert home.config.read_bytes() in (BEFORE, BEFORE + b"  new:\n    cmd: serve new\n"), fuse.blown
        _started_again_until_done(home)
        houses.append(home)
    raise AssertionError("a rollout should end")


_MODES = [("restart", ()), ("restart", ("-watch-config",)), ("reload", ()), ("reload", ("-watch-config",))]


@pytest.mark.parametrize(("mode", "flags"), _MODES)
def test_a_kill_at_any_call_leaves_a_whole_config_that_is_served_without_a_second_restart(
    tmp_path: Path, mode: str, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _choose(mode, monkeypatch)
    for home in _each_call(tmp_path, killed, flags=flags):
        assert ids_of(home.config.read_bytes()) == home.box.models == {"old", "new"}
        assert home.box.restarts_asked == (mode == "restart")
        assert home.box.reloads <= 1
        assert home.state.read("rollout") is None
        assert home.box.profile == "mine"


@pytest.mark.parametrize(("mode", "flags"), [_MODES[0], _MODES[3]])
def test_a_kill_at_any_call_of_a_refusal_ends_with_the_previous_bytes_served(
    tmp_path: Path, mode: str, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _choose(mode, monkeypatch)
    for home in _each_call(tmp_path, killed, flags=flags, refuses=refusing("new")):
        assert home.config.read_bytes() == BEFORE
        assert home.box.models == {"old"}
        assert home.box.serves
        assert home.state.read("rollout") is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_call_costs_no_config(tmp_path: Path, code: int) -> None:
    for home in _each_call(tmp_path, _file_error(code)):
        assert ids_of(home.config.read_bytes()) == home.box.models == {"old", "new"}
        assert home.box.restarts_asked == 1


@pytest.mark.parametrize(
    "fault",
    [
        _engine_error(EngineUnreachable, "Docker does not answer."),
        _engine_error(EngineDenied, "The proxy denies it."),
        _llama_swap_error(LlamaSwapError, "llama-swap answers 500."),
        _llama_swap_error(Unauthorised, "llama-swap answers 401."),
    ],
    ids=["engine away", "proxy denies", "500", "401"],
)
def test_one_failed_answer_anywhere_is_recovered_from_without_help(
    tmp_path: Path, fault: Callable[[str], BaseException | None]
) -> None:
    for home in _each_call(tmp_path, fault):
        assert ids_of(home.config.read_bytes()) == home.box.models == {"old", "new"}
        assert home.box.restarts_asked == 1


def _choose(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = house

    def with_mode(folder: Path, **box: Any) -> House:
        home = original(folder, **box)
        home.set(apply=mode)
        return home

    monkeypatch.setitem(globals(), "house", with_mode)


def test_nothing_is_pending_for_ever_when_the_engine_stays_away(tmp_path: Path) -> None:
    home = house(tmp_path)
    home.library = ["new.gguf"]
    home.without_llama_swap = True

    def away(name: str) -> None:
        if name in _ENGINE:
            raise EngineUnreachable("Docker does not answer at /var/run/docker.sock.")

    home.before_call = away
    outcome = home.roll_out()
    assert outcome.kind is Kind.PENDING
    assert outcome.exit_code == 1
    assert "Docker does not answer at /var/run/docker.sock." in outcome.sentence
    assert home.roll_out().kind is Kind.PENDING
    home.before_call = lambda _name: None
    assert home.roll_out().kind is Kind.APPLIED
    assert home.box.models == {"old", "new"}
    assert home.box.restarts_asked == 1
