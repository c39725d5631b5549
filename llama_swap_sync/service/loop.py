"""The unattended loop: look, let things settle, run a pass. It stays lean; child processes do the work."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llama_swap_sync.service.children import Job, end_all
from llama_swap_sync.service.heartbeat import Heartbeat
from llama_swap_sync.service.last_pass import LastPass
from llama_swap_sync.service.notices import Notices
from llama_swap_sync.service.pacing import DAY, Pauses, longest_pass
from llama_swap_sync.service.schedule import Alarm
from llama_swap_sync.service.watch import Watch
from llama_swap_sync.service.world import World

if TYPE_CHECKING:
    from llama_swap_sync.settings import Settings

_LOG = logging.getLogger(__name__)

_PASS_PAUSES = Pauses(first=30.0, longest=3600.0)
_FETCH_PAUSES = Pauses(first=60.0, longest=6 * 3600.0)
# A pass that asks to be run again at once, for ever, must not become a busy loop, nor a look a busy wait.
_SHORTEST_PAUSE = 1.0
_SHORTEST_WAIT = 0.1
_SCHEDULE = "update-schedule"
# The pass's command line must not grow with a library that is being copied: Linux refuses 2 MB of arguments.
# Past this many, what is still arriving is told by its length alone.
_MOST_LEFT_OUT = 500


class Loop:
    """One turn after another: `turn()` looks, reaps what has ended, starts what is due, leaves a heartbeat.

    At most one pass and one fetch run at a time; a pass may run while a long fetch does. All pauses are
    counted on the monotonic clock; only the update schedule asks what time it is.
    """

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._watch = Watch(settings.settle, str(settings.models_dir))
        self._notices = Notices(_LOG)
        limit = longest_pass(settings.drain_timeout, settings.verify_timeout)
        self._pass = Job("pass", _PASS_PAUSES, limit)
        # Without a limit: a large model over a slow line takes days, and a stalled download ends by itself.
        self._fetch = Job("fetch", _FETCH_PAUSES)
        self._before_pass: LastPass | None = None
        self._alarm = self._set_alarm() if settings.updates != "off" else None
        self._passes = 0
        self._said_daily_at = now = world.monotonic()
        if settings.models:
            self._fetch.ask(now)

    def turn(self) -> float:
        """One look and what follows from it; the seconds until the next turn is needed."""
        # Asked before the look, so that the look sees all that an ended child wrote.
        pass_code = self._pass.finished(self._world.monotonic())
        fetch_code = self._fetch.finished(self._world.monotonic())
        sight = self._world.look()
        now = self._world.monotonic()
        self._watch.take_in(sight, now)
        self._notices.hear("library", self._watch.problem, now)
        if pass_code is not None:
            self._after_pass(pass_code, now)
        if self._pass.urge(now):
            self._notices.hear("pass", _hangs(self._pass), now)
        if fetch_code is not None:
            self._notices.hear("fetch", _fetch_problem(fetch_code), now)
        self._start_pass(now)
        self._start_fetch(now)
        self._say_daily(now)
        self._world.beat(self._heartbeat(now))
        return self._pause(now)

    def end(self) -> None:
        """SIGTERM to the children; returns when they are gone, within four seconds."""
        end_all((self._pass, self._fetch))

    def _after_pass(self, code: int, now: float) -> None:
        self._passes += 1
        last = self._world.last_pass()
        before = self._before_pass
        said = last if last != before else None
        hung = self._pass.was_urged and code < 0
        self._notices.hear("pass", _hangs(self._pass) if hung else _pass_problem(code, said), now)
        if code == 0 and said and said.fingerprint != (before.fingerprint if before else ""):
            # It changed something, and a person may have edited or deleted the config while it did: one more
            # pass looks, which costs next to nothing when there is nothing to do.
            self._pass.ask(now + self._settings.settle)
        if said and said.look_again_at is not None:
            # The pause is counted from now on: the wall clock may jump before that moment comes.
            wait = said.look_again_at - self._world.now().timestamp()
            self._pass.ask(now + min(max(wait, _SHORTEST_PAUSE), DAY))

    def _start_pass(self, now: float) -> None:
        # Not while one runs: what moves then may be its own write.
        if not self._pass.running and self._watch.wants_pass(now):
            self._pass.ask(now)
        if self._pass.is_due(now) and self._watch.allows_pass(now):
            self._before_pass = self._world.last_pass()
            left_out = sorted(self._watch.begin_pass(now))[:_MOST_LEFT_OUT]
            options = [word for path in left_out for word in ("--leave-out", path)]
            self._pass.begin(self._world.start, options, now)

    def _start_fetch(self, now: float) -> None:
        if self._alarm and self._alarm.rings(self._world.now()):
            self._remember_ring()
            self._fetch.ask(now)
        if self._fetch.is_due(now):
            self._fetch.begin(self._world.start, [], now)

    def _set_alarm(self) -> Alarm:
        now = self._world.now()
        last_rung = _rung_at(self._world.state.read(_SCHEDULE))
        if last_rung is None or last_rung > now:
            self._remember_ring()
            last_rung = now
        return Alarm(self._settings.update_schedule, last_rung.astimezone(now.tzinfo))

    def _remember_ring(self) -> None:
        # `fetch` compares it with its own last check. On the disk, so that a box that sleeps at four in the
        # morning looks for updates when it wakes up.
        self._world.state.write(_SCHEDULE, {"rung_at": self._world.now().isoformat()})

    def _say_daily(self, now: float) -> None:
        if now - self._said_daily_at < DAY:
            return
        self._said_daily_at = now
        _LOG.info(
            "Still looking at %s: %d model files, passes in the last day: %d",
            self._settings.models_dir,
            self._watch.files,
            self._passes,
        )
        self._passes = 0

    def _heartbeat(self, now: float) -> Heartbeat:
        found = (self._notices.problem(subject) for subject in ("library", "pass"))
        return Heartbeat(
            pid=os.getpid(),
            looked_at=now,
            wall=self._world.now().timestamp(),
            interval=self._settings.interval,
            config=str(self._settings.config),
            files=self._watch.files,
            problems=tuple(problem for problem in found if problem),
            working=tuple(job.command for job in (self._pass, self._fetch) if job.running),
            engine=_engine(self._settings),
            status_port=self._settings.status_port,
        )

    def _pause(self, now: float) -> float:
        waits = [self._settings.interval, self._watch.wait(now)]
        # What is due already waits for something else: for a child to end, the share to return, an editor to
        # close.
        waits += [job.wait(now) for job in (self._pass, self._fetch)]
        soonest = min(wait for wait in waits if wait is not None)
        return max(soonest, _SHORTEST_WAIT)


def _pass_problem(code: int, said: LastPass | None) -> str | None:
    if said and (said.problem or code == 0):
        return said.problem
    if code == 0:
        return None
    return f"The last pass {_ended(code)} before it could say why; see the lines above"


def _hangs(job: Job) -> str:
    return (
        f"The last pass had not ended after {job.limit:.0f} s, longer than any pass needs: it hangs in the"
        " models directory, the config folder or Docker; it is told to end, and another one begins when it"
        " has"
    )


def _fetch_problem(code: int) -> str | None:
    return (
        None if code == 0 else f"A download {_ended(code)}; see the lines above, it is tried again by itself"
    )


def _ended(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _rung_at(value: dict[str, Any] | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str((value or {})["rung_at"]))
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _engine(settings: Settings) -> str:
    if settings.apply not in ("restart", "reload"):
        return ""
    return settings.docker_host or "unix:///var/run/docker.sock"
