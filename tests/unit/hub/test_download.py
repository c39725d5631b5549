"""Downloads from a Hub that cuts, stalls, lies and changes its mind: whole files, or what was there."""

from __future__ import annotations

import logging
import subprocess

import pytest

from llama_swap_sync.hub.errors import DownloadFailed, ReplacedByHand, VerificationFailed
from llama_swap_sync.hub.staging import FOLDER
from tests.unit.hub.box import Box
from tests.unit.store.room import mounted

MB = 1_000_000
FILE = "model-Q4_K_M.gguf"


def test_a_file_lands_below_its_owner_and_repository_with_a_checksum_that_sha256sum_accepts(box: Box) -> None:
    data = box.put(f"deep/{FILE}")
    assert box.downloads().carry_out(box.order(f"deep/{FILE}"))
    place = box.place(f"deep/{FILE}")
    assert place.read_bytes() == data
    subprocess.run(["sha256sum", "-c", f"{FILE}.sha256"], cwd=place.parent, check=True, capture_output=True)
    assert place.stat().st_mode & 0o777 == 0o644
    assert not (box.models / FOLDER).exists()


def test_what_is_in_place_is_not_downloaded_again(box: Box) -> None:
    box.put(FILE)
    box.downloads().carry_out(box.order(FILE))
    box.hub.forget()
    assert not box.downloads().carry_out(box.order(FILE))
    assert not box.bodies()


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_cut_connection_is_taken_up_where_it_broke(box: Box, tenth: int) -> None:
    size = 2 * MB
    data = box.put(FILE, size, seed=tenth)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": size * tenth // 10})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    assert not box.place(FILE).exists()
    assert box.downloads().carry_out(order)
    assert box.place(FILE).read_bytes() == data
    assert box.hub.sent() - size <= 300_000
    assert box.bodies()[-1]["range"] is not None


def test_cuts_in_a_row_are_retried_for_as_long_as_each_attempt_brings_something(box: Box) -> None:
    size = 12 * MB
    data = box.put(FILE, size)
    cuts = [{"match": "GET /storage", "kind": "cut", "at": at * size // 10} for at in range(1, 10)]
    box.hub.faults(*cuts)
    box.downloads(retries=1).carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert len(box.slept) == 9
    assert box.hub.sent() - size <= 3 * MB


def test_a_file_that_changed_at_the_hub_meanwhile_starts_anew_and_never_mixes(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    box.put(FILE, MB, seed=1)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": MB // 2})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    assert len(box.staged()) == 1
    data = box.put(FILE, MB, seed=2)
    box.downloads().carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert not box.staged()
    assert "was changed at the Hub since its download began; starting anew" in caplog.text


def test_a_change_between_listing_and_download_gives_the_new_content(box: Box) -> None:
    box.put(FILE, MB, seed=1)
    order = box.order(FILE)
    data = box.put(FILE, MB + 5, seed=2)
    box.downloads().carry_out(order)
    assert box.place(FILE).read_bytes() == data


def test_wrong_bytes_place_nothing_and_leave_the_old_file(box: Box) -> None:
    old = box.put(FILE, MB, seed=1)
    box.downloads().carry_out(box.order(FILE))
    box.put(FILE, MB, seed=2)
    box.hub.faults({"match": "GET /storage", "kind": "wrong", "at": 1234, "times": -1})
    with pytest.raises(
        VerificationFailed, match=r"was not placed: its SHA-256 is \w{64}, the Hub promised"
    ) as e:
        box.downloads().carry_out(box.order(FILE))
    assert e.value.exit_code == 3
    assert box.place(FILE).read_bytes() == old
    assert not box.staged()


def test_a_damaged_partial_file_of_an_earlier_run_is_downloaded_from_the_beginning(box: Box) -> None:
    data = box.put(FILE, MB)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": MB // 2})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    partial = box.models / FOLDER / box.staged()[0]
    partial.write_bytes(bytes(partial.stat().st_size))
    box.downloads().carry_out(order)
    assert box.place(FILE).read_bytes() == data


def test_a_server_without_ranges_sends_all_from_the_beginning(box: Box) -> None:
    data = box.put(FILE, MB)
    order = box.order(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": 900_000})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    box.hub.faults({"match": "GET /storage", "kind": "no_ranges"})
    box.downloads().carry_out(order)
    assert box.place(FILE).read_bytes() == data


def test_a_silent_connection_is_given_up(box: Box) -> None:
    data = box.put(FILE, MB)
    box.hub.faults({"match": "GET /storage", "kind": "stall", "at": 400_000})
    box.downloads(retries=1, stall=0.5).carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data


def test_a_trickling_connection_is_given_up(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    data = box.put(FILE, MB)
    box.hub.faults({"match": "GET /storage", "kind": "trickle", "at": 1})
    box.downloads(retries=1, stall=0.5).carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert "stalled; trying again" in caplog.text


def test_a_shard_set_appears_at_once(box: Box) -> None:
    paths = [f"BF16/m-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    data = [box.put(path, MB, seed) for seed, path in enumerate(paths)]
    order = box.order(*paths)
    third = order.files[2].sha256
    box.hub.faults({"match": f"GET /storage/{third}", "kind": "status", "status": 500, "times": -1})
    with pytest.raises(DownloadFailed):
        box.downloads().carry_out(order)
    assert not list(box.models.rglob("*.gguf"))
    box.hub.faults()
    box.hub.forget()
    box.downloads().carry_out(order)
    assert [box.place(path).read_bytes() for path in paths] == data
    assert box.hub.sent() == MB


def test_a_disk_too_small_is_refused_before_the_first_byte_with_both_figures(box: Box) -> None:
    box.put(FILE, 3 * MB)
    box.models.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(box.models)):
        with pytest.raises(DownloadFailed, match=r"needs 3\.1 MB with 5 % to spare, and .* has 3\.1 MB free"):
            box.downloads().carry_out(box.order(FILE))
        assert not box.bodies()


def test_a_disk_that_fills_up_midway_is_said_staging_is_cleaned_and_the_old_file_intact(box: Box) -> None:
    box.models.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(box.models)):
        old = box.put(FILE, 200_000, seed=1)
        box.downloads().carry_out(box.order(FILE))
        box.put(FILE, 3 * MB, seed=2)
        order = box.order(FILE)
        box.hub.faults({"match": "GET /storage", "kind": "cut", "at": MB})
        with pytest.raises(DownloadFailed):
            box.downloads().carry_out(order)
        filler = box.models / "filler"
        filler.write_bytes(bytes(MB))
        # The check before the first byte would see this: it is switched off, as if others wrote meanwhile.
        downloads = box.downloads()
        object.__setattr__(downloads, "_check_space", lambda *_: None)
        with pytest.raises(
            DownloadFailed, match="the disk is full; what had arrived was removed: free some space"
        ):
            downloads.carry_out(order)
        assert box.place(FILE).read_bytes() == old
        assert not box.staged()


def test_an_update_replaces_a_downloaded_file_and_keeps_its_mode(box: Box) -> None:
    box.put(FILE, MB, seed=1)
    box.downloads().carry_out(box.order(FILE))
    box.place(FILE).chmod(0o640)
    data = box.put(FILE, MB, seed=2)
    assert box.downloads().carry_out(box.order(FILE))
    assert box.place(FILE).read_bytes() == data
    assert box.place(FILE).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_file_that_somebody_put_there_is_never_overwritten_without_force(
    box: Box, with_checksum: bool
) -> None:
    data = box.put(FILE)
    if with_checksum:
        box.downloads().carry_out(box.order(FILE))
    place = box.place(FILE)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"mine" * 1000)
    with pytest.raises(ReplacedByHand, match=r"was left alone: .* or download with --force to replace it"):
        box.downloads().carry_out(box.order(FILE))
    assert place.read_bytes() == b"mine" * 1000
    box.downloads(force=True).carry_out(box.order(FILE))
    assert place.read_bytes() == data


def test_a_copy_made_by_hand_of_what_the_hub_has_is_taken_over_without_a_download(box: Box) -> None:
    data = box.put(FILE)
    box.place(FILE).parent.mkdir(parents=True)
    box.place(FILE).write_bytes(data)
    assert not box.downloads().carry_out(box.order(FILE))
    assert box.place(f"{FILE}.sha256").exists()
    assert not box.bodies()


def test_a_file_without_a_hash_at_the_hub_is_said_and_its_size_checked(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    data = box.put("plain.gguf")
    box.downloads().carry_out(box.order("plain.gguf"))
    assert box.place("plain.gguf").read_bytes() == data
    assert "the Hub keeps no SHA-256 of it, only its size was checked" in caplog.text
    assert not box.downloads().carry_out(box.order("plain.gguf"))


def test_without_verification_the_bytes_are_placed_as_they_came(box: Box) -> None:
    box.put(FILE)
    box.hub.faults({"match": "GET /storage", "kind": "wrong", "at": 5, "times": -1})
    box.downloads(verify=False).carry_out(box.order(FILE))
    assert box.place(FILE).exists()


def test_a_folder_that_can_not_be_written_is_one_line(box: Box) -> None:
    box.put(FILE)
    box.models.mkdir()
    with mounted("--bind", str(box.models), str(box.models)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(box.models)], check=True)
        with pytest.raises(
            DownloadFailed, match=r"can't be written \(Read-only file system\); check its owner"
        ):
            box.downloads().carry_out(box.order(FILE))


def test_a_pinned_revision_is_kept_beside_the_file_and_sha256sum_still_accepts_it(box: Box) -> None:
    box.put(FILE)
    box.downloads().carry_out(box.order(FILE, revision="v1"))
    mark = box.place(f"{FILE}.sha256")
    assert mark.read_text().startswith("# revision: v1\n")
    subprocess.run(["sha256sum", "-c", mark.name], cwd=mark.parent, check=True, capture_output=True)
