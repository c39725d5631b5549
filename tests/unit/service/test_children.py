"""Real processes: tiny scripts that stand for `pass` and `fetch`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from llama_swap_sync.service.children import Job, end_all
from llama_swap_sync.service.pacing import Pauses
from tests.fakes.world import FakeChild

PAUSES = Pauses(first=30.0, longest=600.0)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"


def python(script: str) -> subprocess.Popen[bytes]:
    """A child that has printed its first line, if it prints one."""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    if "ready" in script:
        child.stdout.readline()
    child.stdout.close()
    return child


def begun(script: str) -> Job:
    job = Job("pass", PAUSES)

    job.begin(lambda _arguments: python(script), [], 0.0)
    return job


def code_of(job: Job, now: float = 0.0) -> int:
    while (code := job.finished(now)) is None:
        time.sleep(0.01)
    return code


def test_the_exit_code_is_told_once() -> None:
    job = begun("import sys; sys.exit(3)")
    assert code_of(job) == 3
    assert job.finished(0.0) is None
    assert not job.running


def test_a_failure_is_due_again_after_its_pause_and_a_success_is_not() -> None:
    job = begun("import sys; sys.exit(1)")
    code_of(job, now=100.0)
    assert (job.due, job.failures) == (130.0, 1)
    job.begin(lambda _arguments: python("pass"), [], 130.0)
    code_of(job, now=131.0)
    assert (job.due, job.failures) == (None, 0)


def test_sigterm_ends_a_child_at_once() -> None:
    job = begun("print('ready', flush=True); import time; time.sleep(60)")
    began = time.monotonic()
    end_all([job])
    assert time.monotonic() - began < 2.0
    assert not job.running


def test_children_that_ignore_sigterm_are_killed_together_within_four_seconds() -> None:
    jobs = [begun(f"{STUBBORN}; time.sleep(60)") for _ in range(2)]
    began = time.monotonic()
    end_all(jobs)
    assert 2.5 < time.monotonic() - began < 4.0
    assert not any(job.running for job in jobs)


def test_a_job_that_runs_is_not_due() -> None:
    job = Job("pass", PAUSES)
    job.begin(FakeChild, [], 0.0)
    job.ask(1.0)
    assert not job.is_due(10.0)
    assert job.due == 1.0


def test_the_earlier_of_two_wishes_counts() -> None:
    job = Job("pass", PAUSES)
    job.ask(10.0)
    job.ask(5.0)
    job.ask(20.0)
    assert job.due == 5.0


def test_the_options_follow_the_command() -> None:
    started: list[tuple[str, ...]] = []

    def start(arguments: Sequence[str]) -> FakeChild:
        started.append(tuple(arguments))
        return FakeChild(arguments)

    Job("pass", PAUSES).begin(start, ["--leave-out", "a b.gguf"], 0.0)
    assert started == [("pass", "--leave-out", "a b.gguf")]


def test_a_child_that_outstays_its_limit_is_told_to_end_and_ten_seconds_later_killed() -> None:
    job = Job("pass", PAUSES, limit=600.0)
    child = FakeChild(["pass"], ends_on_sigterm=False)
    job.begin(lambda _arguments: child, [], 100.0)
    assert not job.urge(699.0)
    assert (child.signals, job.wait(699.0)) == ([], 1.0)
    assert job.urge(700.0)
    assert (child.signals, job.wait(700.0)) == (["TERM"], 10.0)
    assert job.urge(709.0)
    assert child.signals == ["TERM"]
    assert job.urge(710.0)
    assert child.signals == ["TERM", "KILL"]


def test_the_next_child_has_its_whole_limit_again() -> None:
    job = Job("pass", PAUSES, limit=600.0)
    job.begin(FakeChild, [], 0.0)
    assert job.urge(600.0)
    assert job.finished(601.0) == -15
    job.begin(FakeChild, [], 700.0)
    assert not job.was_urged
    assert not job.urge(1200.0)


def test_a_child_without_a_limit_may_take_a_year() -> None:
    job = Job("fetch", PAUSES)
    job.begin(FakeChild, [], 0.0)
    assert not job.urge(365 * 86400.0)
    assert job.wait(365 * 86400.0) is None
