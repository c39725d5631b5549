"""The walk: what it sees, what it names, that it always ends and opens nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llama_swap_sync.library.model import LeftOut
from llama_swap_sync.library.scan import Look, look
from tests.gguf_bytes import lay

X = b"x"


def refused(seen: Look) -> dict[str, str]:
    return {item.path: item.reason for item in seen.left_out if item.state == "refused"}


def left_out(seen: Look) -> dict[str, str]:
    assert all(item.quiet for item in seen.left_out if item.state == "left out")
    return {item.path: item.reason for item in seen.left_out if item.state == "left out"}


def test_files_are_found_at_any_depth_in_any_case_of_the_suffix(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": X, "b/c/D.GGUF": X, "b/c/readme.md": X, "e.gguf.sha256": X, "f.gguf/g.gguf": X})
    assert set(look(tmp_path).files) == {"a.gguf", "b/c/D.GGUF", "f.gguf/g.gguf"}


def test_stamp_is_size_time_inode_and_device(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": b"four"})
    status = (tmp_path / "a.gguf").stat()
    assert look(tmp_path).files == {"a.gguf": (4, status.st_mtime_ns, status.st_ino, status.st_dev)}


def test_hidden_folders_and_those_of_the_nas_are_passed_by_in_silence(tmp_path: Path) -> None:
    folders = (".cache", ".git", "@eaDir", "#recycle", ".Trash-1000", "$RECYCLE.BIN", "lost+found")
    lay(tmp_path, {f"x/{folder}/a.gguf": X for folder in folders} | {"x/._a.gguf": X})
    assert look(tmp_path) == Look()


def test_missing_folder_is_a_problem_and_an_empty_one_is_none(tmp_path: Path) -> None:
    missing = tmp_path / "models"
    assert look(missing).problem == (
        f"The models directory {missing} is missing: mount it, or set LLAMA_SWAP_MODELS_DIR"
    )
    missing.mkdir()
    assert look(missing) == Look()


def test_file_in_place_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    lay(tmp_path, {"models": X})
    assert look(tmp_path / "models").problem == (
        f"The models directory {tmp_path}/models is a file: set LLAMA_SWAP_MODELS_DIR to a folder"
    )


def test_failing_share_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(path: str) -> None:
        raise OSError(116, "Stale file handle", path)

    monkeypatch.setattr(os, "scandir", stale)
    assert look(tmp_path).problem == (
        f"The models directory {tmp_path} can't be read (Stale file handle): check the mount and its rights"
    )


def test_unreadable_folder_is_named_and_the_rest_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"a/b.gguf": X, "c.gguf": X})
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    first, second = look(tmp_path), look(tmp_path)
    assert set(first.files) == {"c.gguf"}
    assert refused(first) == {"a": "this folder can't be read (Permission denied): check its rights"}
    assert first == second
    assert first.fingerprint() == second.fingerprint()


def test_folder_of_a_failing_disk_is_not_blamed_on_its_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"a/b.gguf": X})
    scandir = os.scandir

    def failing(path: str) -> object:
        if path.endswith("/a"):
            raise OSError(5, "Input/output error", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert refused(look(tmp_path)) == {
        "a": "this folder can't be read (Input/output error): check the disk or the share"
    }


def test_folders_deeper_than_a_path_can_name_are_told_to_move(tmp_path: Path) -> None:
    lay(tmp_path, {"near.gguf": X})
    within = os.open(tmp_path, os.O_RDONLY)
    for _ in range(21):
        os.mkdir("d" * 200, dir_fd=within)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=within)
        os.close(within)
        within = deeper
    os.close(within)
    seen = look(tmp_path)
    assert set(seen.files) == {"near.gguf"}
    assert set(refused(seen).values()) == {
        "this folder can't be read (File name too long): move it nearer to the models directory"
    }


def test_unreadable_file_is_named_and_seen_once_it_may_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"a.gguf": X})
    (tmp_path / "a.gguf").chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(os, "access", lambda *_: False)
    seen = look(tmp_path)
    assert refused(seen) == {"a.gguf": "can't be read: give this program's user (PUID) the right to"}
    assert seen.files == {}
    (tmp_path / "a.gguf").chmod(0o644)
    assert set(look(tmp_path).files) == {"a.gguf"}


def test_link_inside_is_followed_and_marked(tmp_path: Path) -> None:
    lay(tmp_path, {"real/a.gguf": b"four"})
    (tmp_path / "link.gguf").symlink_to("real/a.gguf")
    seen = look(tmp_path)
    assert seen.files["link.gguf"] == seen.files["real/a.gguf"]
    assert seen.links == {"link.gguf"}


def test_links_of_the_hubs_cache_into_its_blobs_are_followed(tmp_path: Path) -> None:
    cache = tmp_path / "models--owner--repo"
    lay(cache, {"blobs/0123abcd": X})
    for snapshot in ("aaa", "bbb"):
        (cache / "snapshots" / snapshot).mkdir(parents=True)
        (cache / "snapshots" / snapshot / "m-Q4_K_M.gguf").symlink_to("../../blobs/0123abcd")
    assert set(look(tmp_path).files) == {
        f"models--owner--repo/snapshots/{snapshot}/m-Q4_K_M.gguf" for snapshot in ("aaa", "bbb")
    }


def test_links_out_of_the_models_directory_are_named(tmp_path: Path) -> None:
    lay(tmp_path, {"out/a.gguf": X, "models/b.gguf": X, "models-2/c.gguf": X})
    (tmp_path / "models" / "a.gguf").symlink_to("../out/a.gguf")
    (tmp_path / "models" / "more").symlink_to(tmp_path / "out")
    (tmp_path / "models" / "c.gguf").symlink_to("../models-2/c.gguf")
    (tmp_path / "models" / "readme").symlink_to("/etc/hostname")
    seen = look(tmp_path / "models")
    assert set(seen.files) == {"b.gguf"}
    assert refused(seen) == {
        "a.gguf": "a link out of the models directory (../out/a.gguf), where llama-swap can't follow",
        "c.gguf": "a link out of the models directory (../models-2/c.gguf), where llama-swap can't follow",
        "more": f"a link out of the models directory ({tmp_path}/out), where llama-swap can't follow",
    }


def test_dead_link_is_named_and_does_not_end_the_walk(tmp_path: Path) -> None:
    lay(tmp_path, {"z.gguf": X})
    (tmp_path / "a.gguf").symlink_to("gone.gguf")
    seen = look(tmp_path)
    assert set(seen.files) == {"z.gguf"}
    assert refused(seen) == {"a.gguf": "a link that leads nowhere (gone.gguf)"}


def test_link_into_a_closed_folder_is_no_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gguf").symlink_to("closed/a.gguf")

    def refusing(path: str, *, strict: bool = False) -> str:
        if strict:
            raise PermissionError(13, "Permission denied", path)
        return path

    monkeypatch.setattr(os.path, "realpath", refusing)
    assert refused(look(tmp_path)) == {"a.gguf": "a link into a folder that can't be read (closed/a.gguf)"}


def test_fifty_links_in_a_ring_end(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.gguf").symlink_to(f"{(number + 1) % 50}.gguf")
        (tmp_path / f"folder{number}").mkdir()
        (tmp_path / f"folder{number}" / "next").symlink_to(f"../folder{(number + 1) % 50}")
        (tmp_path / f"folder{number}" / "up").symlink_to("..")
    lay(tmp_path, {"folder7/a.gguf": X})
    seen = look(tmp_path)
    assert set(seen.files) == {"folder7/a.gguf"}
    assert refused(seen) == {
        f"{number}.gguf": f"a link in a circle of links ({(number + 1) % 50}.gguf)" for number in range(50)
    }


def test_folder_that_only_a_link_leads_to_is_walked_under_the_links_name(tmp_path: Path) -> None:
    lay(tmp_path, {".store/deep/a.gguf": X})
    (tmp_path / "b").symlink_to(".store")
    (tmp_path / "c").symlink_to(".store")
    assert set(look(tmp_path).files) == {"b/deep/a.gguf"}


def test_raw_pieces_are_left_out_by_name(tmp_path: Path) -> None:
    lay(tmp_path, {"Foo.i1-Q4_K_M.gguf.part1of2": X, "Foo.i1-Q4_K_M.gguf.part2of2": X})
    assert left_out(look(tmp_path)) == {
        f"Foo.i1-Q4_K_M.gguf.part{number}of2": "a piece of a cut-up file: join the pieces with `cat` in order"
        for number in (1, 2)
    }


def test_names_that_no_config_could_hold_are_refused_with_their_folder(tmp_path: Path) -> None:
    lay(tmp_path, {"a\nb.gguf": X, "${c}/d.gguf": X, "${c}/e.gguf": X, "fine #1 'x'.gguf": X})
    (tmp_path / os.fsdecode(b"\xff.gguf")).write_bytes(X)
    seen = look(tmp_path)
    assert set(seen.files) == {"fine #1 'x'.gguf"}
    assert set(refused(seen)) == {"a\\nb.gguf", "${c}", "\\udcff.gguf"}
    assert seen.fingerprint()


@pytest.mark.parametrize(
    ("globs", "kept"),
    [
        (("*.gguf",), set()),
        (("old",), {"new/b.gguf", "new/old.gguf"}),
        (("old/",), {"new/b.gguf", "new/old.gguf"}),
        (("old/*",), {"new/b.gguf", "new/old.gguf"}),
        (("*/b.gguf",), {"old/a.gguf", "new/old.gguf"}),
        (("./new/b.gguf", "a.*"), {"new/old.gguf"}),
        (("OLD",), {"old/a.gguf", "new/b.gguf", "new/old.gguf"}),
        ((), {"old/a.gguf", "new/b.gguf", "new/old.gguf"}),
    ],
)
def test_exclude_names_files_and_folders(tmp_path: Path, globs: tuple[str, ...], kept: set[str]) -> None:
    lay(tmp_path, {"old/a.gguf": X, "new/b.gguf": X, "new/old.gguf": X})
    seen = look(tmp_path, globs)
    assert set(seen.files) == kept
    assert set(left_out(seen).values()) <= {"SYNC_EXCLUDE names it"}
    assert bool(left_out(seen)) == (len(kept) < 3)


def test_replaced_file_changes_the_look(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": X})
    before = look(tmp_path)
    (tmp_path / "new").write_bytes(X)
    os.utime(tmp_path / "new", ns=(0, before.files["a.gguf"][1]))
    (tmp_path / "new").replace(tmp_path / "a.gguf")
    after = look(tmp_path)
    assert after != before
    assert after.fingerprint() != before.fingerprint()


def test_file_that_vanishes_during_the_walk_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"a.gguf": X, "b/c.gguf": X})
    scandir = os.scandir
    calls = []

    def vanishing(path: str) -> object:
        calls.append(path)
        entries = scandir(path)
        if len(calls) == 2:
            (tmp_path / "a.gguf").unlink()
            (tmp_path / "b" / "c.gguf").unlink()
            (tmp_path / "b").rmdir()
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)
    assert look(tmp_path) == Look()


def test_look_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, {"a.gguf": X})

    def no_open(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr(os, "open", no_open)
    monkeypatch.setattr("builtins.open", no_open)
    assert set(look(tmp_path).files) == {"a.gguf"}


def test_fingerprint_tells_what_was_left_out_apart() -> None:
    reasons = [LeftOut("a", "one", "refused"), LeftOut("a", "two", "refused")]
    assert len({Look(left_out=[reason]).fingerprint() for reason in reasons} | {Look().fingerprint()}) == 3
