"""Settings are read in one order, refused in the user's words, and never show a secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.settings import DEFAULT_LLAMA_ARGS, Secret, SettingsError, read
from llama_swap_sync.settings.declaration import VARIABLES
from llama_swap_sync.settings.values import duration, readable


def problems(environ: Mapping[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(environ, in_image=False)
    return caught.value.problems


def test_defaults_outside_the_image_name_the_current_folder_and_no_address() -> None:
    settings = read({}, in_image=False).settings
    assert (settings.config, settings.models_dir, settings.url) == (Path("config.yaml"), Path("models"), "")


def test_defaults_in_the_image_name_its_volumes_and_llama_swap() -> None:
    settings = read({}, in_image=True).settings
    assert settings.config == Path("/config/config.yaml")
    assert settings.models_dir == Path("/models")
    assert settings.url == "http://llama-swap:8080"


def test_an_option_wins_over_the_environment_and_says_so() -> None:
    reading = read({"SYNC_INTERVAL": "1m"}, {"SYNC_INTERVAL": "2m"}, in_image=False)
    assert reading.settings.interval == 120
    assert reading.sources["SYNC_INTERVAL"] == "option"


def test_an_empty_variable_counts_as_not_set() -> None:
    reading = read({"SYNC_INTERVAL": ""}, in_image=False)
    assert reading.settings.interval == 15
    assert reading.sources["SYNC_INTERVAL"] == "default"


def test_an_empty_address_switches_llama_swap_questions_off_in_the_image() -> None:
    assert read({"LLAMA_SWAP_URL": ""}, in_image=True).settings.url == ""


def test_llama_args_are_generic_unless_auto_or_said() -> None:
    assert read({}, in_image=False).settings.llama_args == DEFAULT_LLAMA_ARGS
    assert read({"SYNC_LLAMA_ARGS": "auto"}, in_image=False).settings.llama_args is None
    said = read({"SYNC_LLAMA_ARGS": "-c 8192 --chat-template 'a b'"}, in_image=False).settings.llama_args
    assert said == ("-c", "8192", "--chat-template", "a b")


def test_a_secret_comes_from_its_file_and_is_masked_everywhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hf_verysecret\n")
    reading = read({"HF_TOKEN_FILE": str(file)}, in_image=False)
    assert reading.settings.hf_token == Secret("hf_verysecret")
    assert reading.sources["HF_TOKEN"] == f"file {file}"
    assert "verysecret" not in f"{reading!r}{reading.settings.hf_token}"


def test_the_environment_wins_over_a_secret_file(tmp_path: Path) -> None:
    reading = read({"HF_TOKEN": "a", "HF_TOKEN_FILE": str(tmp_path / "absent")}, in_image=False)
    assert reading.settings.hf_token == Secret("a")


def test_an_unreadable_secret_file_is_refused_and_never_silently_unset(tmp_path: Path) -> None:
    file = tmp_path / "absent"
    (problem,) = problems({"HF_TOKEN_FILE": str(file)})
    assert problem == (
        f"HF_TOKEN_FILE={file} can't be read (No such file or directory); "
        "mount the file or remove the variable."
    )


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\n")
    assert problems({"HF_TOKEN_FILE": str(file)}) == (
        f"HF_TOKEN_FILE={file} is empty; write the secret into it or remove the variable.",
    )


def test_every_wrong_variable_is_named_in_one_run() -> None:
    assert problems({"SYNC_INTERVAL": "15x", "SYNC_PRUNE": "maybe", "LLAMA_SWAP_MAX_KEY_LENGTH": "9"}) == (
        "LLAMA_SWAP_MAX_KEY_LENGTH=9 must be a whole number from 16 to 128.",
        "SYNC_INTERVAL=15x must be a duration such as 15s, 5m or 1h30m.",
        "SYNC_PRUNE=maybe must be true or false.",
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "LLAMA_SWAP_MODELS_MOUNT",
            "models",
            "must be an absolute path as llama-swap sees it, such as /models.",
        ),
        (
            "LLAMA_SWAP_URL",
            "llama-swap:8080",
            "must be an address such as http://llama-swap:8080, or empty for none.",
        ),
        ("SYNC_INTERVAL", "0s", "must lie between 1s and 1d."),
        ("SYNC_PRUNE_LIMIT", "101%", "must be a percentage from 0% to 100%, such as 50%."),
        ("SYNC_APPLY", "reboot", "must be one of restart, reload, watch, none."),
        ("UMASK", "099", "must be three octal digits such as 022."),
        ("TZ", "Mars/Olympus", "is no time zone known here; write one such as Europe/Berlin or UTC."),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(name: str, text: str, expected: str) -> None:
    assert problems({name: text}) == (f"{name}={text} {expected}",)


def test_a_bad_quote_in_llama_args_is_refused_at_start() -> None:
    (problem,) = problems({"SYNC_LLAMA_ARGS": "--chat-template 'open"})
    assert problem.startswith("SYNC_LLAMA_ARGS=--chat-template 'open can't be split into arguments")
    assert problem.endswith("close every quote as a shell would.")


def test_a_bad_cron_line_is_refused_with_an_example() -> None:
    (problem,) = problems({"SYNC_UPDATE_SCHEDULE": "at four"})
    assert problem.startswith("SYNC_UPDATE_SCHEDULE=at four is no cron line (")
    assert problem.endswith("write five fields such as 0 4 * * * for four in the morning.")


def test_globs_are_separated_by_spaces_commas_and_lines_and_keep_quoted_blanks() -> None:
    settings = read({"SYNC_EXCLUDE": "old/*,'my drafts/*'\n*.bak.gguf"}, in_image=False).settings
    assert settings.exclude == ("old/*", "my drafts/*", "*.bak.gguf")


def test_an_unknown_name_is_warned_about_with_the_nearest_known_one() -> None:
    reading = read({"SYNC_INTERVALL": "5s", "OTHER": "1", "HF_TOKEN_FILE": ""}, in_image=False)
    assert reading.warnings == (
        "SYNC_INTERVALL is set, but no setting has that name; did you mean SYNC_INTERVAL?",
    )


def test_names_that_compose_alone_reads_are_known() -> None:
    assert read({"LLAMA_SWAP_IMAGE": "x", "LLAMA_SWAP_PORT": "1"}, in_image=False).warnings == ()


@given(st.integers(min_value=0, max_value=86_400 * 30))
def test_a_duration_survives_being_written_and_read(seconds: int) -> None:
    assert duration(0, 86_400 * 30)(readable(seconds)) == seconds


@given(st.sampled_from(sorted(v.name for v in VARIABLES.values())), st.text(max_size=30))
def test_no_text_at_all_brings_reading_down(name: str, text: str) -> None:
    complaints: tuple[str, ...] = ()
    try:
        read({name: text}, in_image=False)
    except SettingsError as error:
        complaints = error.problems
    assert all(complaint.startswith(f"{name}=") and "\n" not in complaint for complaint in complaints)


def test_a_wrong_model_names_its_setting_the_model_and_one_that_would_do() -> None:
    (problem,) = problems({"SYNC_MODELS": "gemma"})
    assert problem.startswith(
        "SYNC_MODELS=gemma can't be used: 'gemma' names no owner: a model is OWNER/REPO; write for example "
    )
    (problem,) = problems({"SYNC_MODELS": "a/good-GGUF:Q4_K_M, a/bad:"})
    assert problem.startswith("SYNC_MODELS=a/good-GGUF:Q4_K_M, a/bad: can't be used: 'a/bad:' names no quant")
