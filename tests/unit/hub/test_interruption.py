"""Kills at every point of a download: the next run ends right, and what was served stays until then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from llama_swap_sync.hub.errors import DownloadFailed
from llama_swap_sync.hub.staging import FOLDER, held
from tests.fakes.files import Call, FaultyFiles, Killed, failing_with, killed
from tests.unit.hub.box import Box

MB = 1_000_000
FILE = "model-Q4_K_M.gguf"
SHARDS = tuple(f"BF16/m-0000{number}-of-00002.gguf" for number in (1, 2))


def await_that(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited 30 s in vain"
        time.sleep(0.01)


def staged_bytes(box: Box) -> int:
    return sum(path.stat().st_size for path in (box.models / FOLDER).glob("*.partial"))


def started(box: Box) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "llama_swap_sync", "download", f"{box.repo}/{FILE}", "--retries", "0"],
        env={
            "PATH": os.environ["PATH"],
            "HF_ENDPOINT": box.hub.endpoint,
            "LLAMA_SWAP_MODELS_DIR": str(box.models),
        },
        stderr=subprocess.DEVNULL,
        cwd=box.models.parent,
    )


def test_a_killed_process_is_taken_up_where_it_was_each_time(box: Box) -> None:
    size = 10 * MB
    data = box.put(FILE, size)
    for at in (size // 4, size // 2, size * 3 // 4):
        box.hub.faults({"match": "GET /storage", "kind": "stall", "at": at})
        with started(box) as process:
            await_that(lambda at=at: staged_bytes(box) >= at)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
    assert not box.place(FILE).exists()
    box.hub.faults()
    with started(box) as process:
        assert process.wait() == 0
    assert box.place(FILE).read_bytes() == data
    assert box.hub.sent() == size
    assert not box.staged()


class KilledWhileVerifying:
    """Follows a file; the process dies in the middle of its hashing."""

    def __init__(self, what: str, _total: int, _before: int) -> None:
        self._verifying = what.startswith("Verifying")

    def at(self, _done: int) -> None:
        if self._verifying:
            raise Killed

    def end(self) -> None:
        """Nothing is drawn."""


def test_a_kill_during_verification_costs_no_byte_again(box: Box) -> None:
    old = box.put(FILE, MB, seed=1)
    box.downloads().carry_out(box.order(FILE))
    data = box.put(FILE, MB, seed=2)
    with pytest.raises(Killed):
        box.downloads(follow=KilledWhileVerifying).carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == old
    box.hub.forget()
    box.downloads().carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert box.hub.sent() == 0
    assert not box.staged()


@pytest.mark.parametrize("before", [False, True], ids=["first download", "update"])
def test_a_kill_at_any_call_of_the_replacement_leaves_old_or_new_and_the_next_run_ends_right(
    box: Box, before: bool
) -> None:
    for at in range(1, 200):
        old = [box.put(path, 50_000, seed=2 * at) for path in SHARDS] if before else []
        if before:
            box.downloads().carry_out(box.order(*SHARDS))
        new = [box.put(path, 50_000, seed=2 * at + 1) for path in SHARDS]
        files = FaultyFiles(at, killed)
        try:
            box.downloads(files=files).carry_out(box.order(*SHARDS))
        except Killed:
            found = [box.place(path).read_bytes() if box.place(path).exists() else b"" for path in SHARDS]
            for mine, was, will in zip(found, old or [b""] * 2, new, strict=True):
                assert mine in (was, will)
        box.downloads().carry_out(box.order(*SHARDS))
        assert [box.place(path).read_bytes() for path in SHARDS] == new
        assert [box.place(f"{path}.sha256").exists() for path in SHARDS] == [True] * 2
        assert not box.staged(), f"after a kill ahead of {files.met}"
        if files.met is None:
            return
        if not before:
            for path in SHARDS:
                box.place(path).unlink()
                box.place(f"{path}.sha256").unlink()
    raise AssertionError("the replacement never ended")


def test_of_two_processes_asked_for_one_file_one_downloads_and_the_other_waits(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    data = box.put(FILE, 2 * MB)
    box.hub.faults({"match": "GET /storage", "kind": "stall", "at": MB})
    order = box.order(FILE)
    with started(box) as first:
        await_that(lambda: staged_bytes(box) >= MB)
        second = threading.Thread(target=lambda: box.downloads().carry_out(order))
        second.start()
        await_that(lambda: "is being downloaded by another process; waiting for it to end" in caplog.text)
        assert len(box.bodies()) == 1
        first.kill()
    second.join(30)
    assert box.place(FILE).read_bytes() == data
    assert box.hub.sent() == 2 * MB
    assert not box.staged()


def test_who_waited_for_a_file_that_was_dropped_collects_into_a_new_one(box: Box) -> None:
    path = box.downloads().staging.partial(box.repo, FILE, "etag")
    waits = threading.Event()
    same: list[bool] = []

    def wait_for_it() -> None:
        with held(path, waits.set) as descriptor:
            same.append(os.fstat(descriptor).st_ino == path.stat().st_ino)

    with held(path):
        second = threading.Thread(target=wait_for_it)
        second.start()
        assert waits.wait(30)
        path.unlink()
    second.join(30)
    assert same == [True]


def test_who_waited_for_the_same_file_downloads_nothing(box: Box) -> None:
    box.put(FILE, 20 * MB)
    order = box.order(FILE)
    both = [threading.Thread(target=lambda: box.downloads().carry_out(order)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert box.place(FILE).stat().st_size == 20 * MB
    assert box.hub.sent() == 20 * MB
    assert not box.staged()


def test_orphans_are_cleaned_at_start_and_what_will_be_resumed_stays(box: Box) -> None:
    box.put(FILE, MB)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": MB // 2})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    staging = box.downloads().staging
    own = box.staged()
    (staging.folder / "some-file.sha256.new").write_text("")
    later = time.time() + 20 * 86400
    assert [path.name for path in staging.clean([box.repo], later)] == ["some-file.sha256.new"]
    assert box.staged() == own
    assert [path.name for path in staging.clean((), time.time())] == []
    assert [path.name for path in staging.clean((), later)] == own
    assert not staging.folder.exists()


def test_any_failing_call_of_the_replacement_is_one_line_and_the_next_run_ends_right(box: Box) -> None:
    data = box.put(FILE, 50_000)

    def first_kind(call: Call) -> bool:
        return call.name in ("create", "write", "replace", "sync")

    for at in range(1, 50):
        files = FaultyFiles(at, failing_with(28), first_kind)
        said = ""
        try:
            box.downloads(files=files).carry_out(box.order(FILE))
        except DownloadFailed as error:
            said = str(error)
        if files.met is not None:
            assert f"could not be put into {box.models} (No space left on device)" in said
        box.downloads().carry_out(box.order(FILE))
        assert box.place(FILE).read_bytes() == data
        assert not box.staged()
        if files.met is None:
            return
        box.place(FILE).unlink()
        box.place(f"{FILE}.sha256").unlink()
    raise AssertionError("the replacement never ended")
