"""The installed command against the stand-in: exit codes, what lands, what is said, where the token goes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.hub.box import Box
from tests.unit.hub.commands import command

TOKEN = "hf_TopSecretToken"
MODEL = "model-Q4_K_M.gguf"


def test_download_brings_a_quantisation_with_its_projector_and_ends_with_0(box: Box) -> None:
    data = box.put(MODEL)
    box.put("model-UD-Q4_K_M.gguf")
    box.put("mmproj-F16.gguf")
    done = command(box, "download", f"{box.repo}:q4_k_m")
    assert done.returncode == 0, done.stderr
    assert box.place(MODEL).read_bytes() == data
    assert box.place("mmproj-F16.gguf").exists()
    assert not box.place("model-UD-Q4_K_M.gguf").exists()
    assert "100 %" in done.stderr
    assert "\r" not in done.stderr


def test_a_bad_reference_ends_with_1_before_anything_is_asked(box: Box) -> None:
    done = command(box, "download", f"{box.repo}:Q4_K_M", "gemma")
    assert done.returncode == 1
    assert "'gemma' names no owner" in done.stderr
    assert not box.hub.requests()


def test_an_unknown_quantisation_ends_with_1_and_lists_what_there_is(box: Box) -> None:
    box.put(MODEL)
    box.put("model-Q8_0.gguf")
    done = command(box, "download", f"{box.repo}:Q3_K_S")
    assert done.returncode == 1
    assert f"{box.repo} has no Q3_K_S; it has Q4_K_M, Q8_0" in done.stderr


def test_a_download_that_fails_ends_with_2_and_the_others_go_on(box: Box) -> None:
    box.put(MODEL)
    done = command(box, "download", "nobody/Nothing-GGUF", f"{box.repo}:Q4_K_M")
    assert done.returncode == 2
    assert "127.0.0.1 has no nobody/Nothing-GGUF, or it is private" in done.stderr
    assert box.place(MODEL).exists()


def test_wrong_bytes_end_with_3_and_place_nothing(box: Box) -> None:
    box.put(MODEL)
    box.hub.faults({"match": "GET /storage", "kind": "wrong", "at": 7, "times": -1})
    done = command(box, "download", f"{box.repo}:Q4_K_M")
    assert done.returncode == 3
    assert "was not placed: its SHA-256 is" in done.stderr
    assert not box.place(MODEL).exists()


def test_a_dry_run_says_what_would_come_and_writes_nothing(box: Box) -> None:
    box.put(MODEL)
    done = command(box, "download", "--dry-run", f"{box.repo}:Q4_K_M")
    assert done.returncode == 0
    assert done.stdout == f"would download {box.repo}/{MODEL} (300 kB)\n"
    assert not box.models.exists()


def test_dest_dir_and_skip_verification_are_obeyed(box: Box, tmp_path: Path) -> None:
    box.put(MODEL)
    box.hub.faults({"match": "GET /storage", "kind": "wrong", "at": 7, "times": -1})
    target = tmp_path / "elsewhere"
    done = command(box, "download", f"{box.repo}:Q4_K_M", "--dest-dir", str(target), "--skip-verification")
    assert done.returncode == 0
    assert (target / box.repo / MODEL).exists()
    assert "is placed without verification, as asked" in done.stderr


def test_the_token_goes_to_the_hub_alone_and_into_no_line(box: Box, tmp_path: Path) -> None:
    box.put(MODEL)
    box.put(".gated", 0)
    (box.hub.root / box.repo / ".gated").write_text(TOKEN)
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n")
    box.hub.faults({"match": "GET /storage", "kind": "cut", "at": 1000})
    done = command(
        box, "download", "-v", f"{box.repo}:Q4_K_M", HF_TOKEN_FILE=str(secret), SYNC_LOG_LEVEL="debug"
    )
    assert done.returncode == 0, done.stderr
    assert any(request["authorised"] for request in box.hub.requests(host="hub"))
    assert box.bodies()
    assert not any(request["authorised"] for request in box.bodies())
    said = done.stdout + done.stderr
    assert TOKEN not in said
    assert "signed-secret" not in said
    assert TOKEN not in command(box, "config", HF_TOKEN=TOKEN).stdout


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        ("", "set HF_TOKEN to a token of that account"),
        ("hf_other", "the account of HF_TOKEN has no access yet"),
    ],
)
def test_a_gated_repository_ends_with_2_and_says_what_to_do(box: Box, token: str, advice: str) -> None:
    box.put(MODEL)
    (box.hub.root / box.repo / ".gated").write_text(TOKEN)
    done = command(
        box, "download", f"{box.repo}:Q4_K_M", HF_TOKEN=token, SYNC_RETRIES="5", SYNC_RETRY_DELAY="60"
    )
    assert done.returncode == 2
    assert f"{box.repo} is gated: accept its terms at {box.hub.endpoint}/{box.repo}" in done.stderr
    assert advice in done.stderr
    assert "hf_other" not in done.stderr


def test_verify_ends_with_3_when_a_file_was_changed_and_with_0_when_none_was(box: Box) -> None:
    box.put(MODEL)
    box.models.mkdir()
    assert command(box, "verify").returncode == 0
    command(box, "download", f"{box.repo}:Q4_K_M")
    done = command(box, "verify")
    assert done.returncode == 0
    assert done.stdout == "1 of 1 downloaded files are whole.\n"
    with box.place(MODEL).open("r+b") as file:
        file.write(b"changed")
    done = command(box, "verify")
    assert done.returncode == 3
    assert f"{box.repo}/{MODEL} has other bytes than when it was downloaded" in done.stderr


def test_update_check_reports_size_and_date_and_fetches_nothing(box: Box) -> None:
    old = box.put(MODEL, seed=1)
    command(box, "download", f"{box.repo}:Q4_K_M")
    assert command(box, "update", "--check").stdout == "No updates for 1 downloaded files.\n"
    box.put(MODEL, 500_000, seed=2)
    done = command(box, "update", "--check")
    assert done.returncode == 0
    assert done.stdout == f"  1  {box.repo}/{MODEL}: new version of 2026-11-20, 500 kB to download\n"
    assert box.place(MODEL).read_bytes() == old


def test_update_all_fetches_with_one_metadata_request_a_repository(box: Box) -> None:
    for name in ("a-Q4_0.gguf", "b-Q8_0.gguf"):
        box.put(name, seed=1)
        assert "serves its old file" not in command(box, "download", f"{box.repo}/{name}").stderr
    data = box.put("a-Q4_0.gguf", seed=2)
    box.hub.forget()
    done = command(box, "update", "--all")
    assert done.returncode == 0, done.stderr
    assert box.place("a-Q4_0.gguf").read_bytes() == data
    assert "a-Q4_0.gguf: if it is loaded, it serves its old file until llama-swap unloads it" in done.stderr
    assert len([r for r in box.hub.requests("GET", "hub") if r["path"].startswith("/api/models")]) == 1


def test_update_asks_at_a_terminal_which_ones(box: Box) -> None:
    for name in ("a-Q4_0.gguf", "b-Q8_0.gguf"):
        box.put(name, seed=1)
        command(box, "download", f"{box.repo}/{name}")
        box.put(name, seed=2)
    ours, theirs = pty.openpty()
    os.write(ours, b"2\n")
    done = command(box, "update", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Which ones? Numbers such as 1,3, or all; 0 cancels: " in done.stdout
    assert "No updates" not in done.stdout
    left = command(box, "update", "--check").stdout
    assert "a-Q4_0.gguf" in left
    assert "b-Q8_0.gguf" not in left


def test_update_without_a_terminal_refuses_politely(box: Box) -> None:
    box.put(MODEL, seed=1)
    command(box, "download", f"{box.repo}:Q4_K_M")
    box.put(MODEL, seed=2)
    done = command(box, "update")
    assert done.returncode == 1
    assert "There is no terminal to ask at; add --all to fetch them, or --check to only look." in done.stderr


def test_a_repository_that_is_gone_is_a_line_and_its_file_stays(box: Box) -> None:
    box.put(MODEL)
    command(box, "download", f"{box.repo}:Q4_K_M")
    (box.hub.root / box.repo).rename(box.hub.root / box.repo.replace("Model", "Renamed"))
    done = command(box, "update", "--all")
    assert done.returncode == 1
    assert f"has no {box.repo}, or it is private" in done.stderr
    assert "its downloaded files stay and are served" in done.stderr
    assert box.place(MODEL).exists()


def test_help_and_a_bad_reference_load_no_huggingface_hub(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom llama_swap_sync.cli import main\n"
        "try:\n    main(['download', 'gemma'])\nexcept SystemExit as end:\n"
        "    print(end.code, 'huggingface_hub' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "1 False\n"


@pytest.mark.parametrize("asked", [("verify",), ("update", "--all"), ("fetch", "--updates", "check")])
def test_a_models_folder_that_is_gone_is_not_taken_for_an_empty_one(
    box: Box, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    gone = tmp_path / "gone"
    done = command(box, *asked, LLAMA_SWAP_MODELS_DIR=str(gone))
    assert done.returncode == 1
    assert (
        f"{gone} can't be looked into (No such file or directory), so no download was checked" in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1


def test_a_models_folder_that_is_a_file_is_one_line_with_what_to_do(box: Box, tmp_path: Path) -> None:
    box.put("m-Q8_0.gguf")
    file = tmp_path / "file"
    file.touch()
    done = command(box, "download", box.repo, LLAMA_SWAP_MODELS_DIR=str(file))
    assert done.returncode == 2
    assert f"{file} can't be used for downloads (File exists); name a folder that can be" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("token", ["hf_one\nhf_two", "hf_\u00e4"])
def test_a_token_that_no_request_can_carry_is_refused_unseen(box: Box, token: str) -> None:
    done = command(box, "download", box.repo, HF_TOKEN=token)
    assert done.returncode == 1
    assert done.stderr == (
        "llama-swap-sync: HF_TOKEN=*** holds a line break or a character outside ASCII; copy it again, on one"
        " line.\n"
    )
    assert box.hub.requests() == []
