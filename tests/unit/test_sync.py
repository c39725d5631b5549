"""One pass, on real folders and without llama-swap: what a person without Docker gets from one command."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llama_swap_sync.errors import ConfigError, SyncError
from llama_swap_sync.settings import Settings, read
from llama_swap_sync.sync import House, exists, preview, synchronise
from tests.gguf_files import write_chat_model

NOON = 1_800_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    (tmp_path / "config").mkdir()
    return dataclasses.replace(
        read({}, in_image=False).settings,
        config=tmp_path / "config/config.yaml",
        models_dir=tmp_path / "models",
        apply="none",
    )


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="llama_swap_sync")
    logging.getLogger("llama_swap_sync").propagate = True
    return caplog


def drop(settings: Settings, path: str) -> Path:
    file = settings.models_dir / path
    file.parent.mkdir(parents=True, exist_ok=True)
    write_chat_model(file, name="Tiny", context=512)
    return file


def house(settings: Settings, *, at: float = NOON, unattended: bool = False) -> House:
    now: Callable[[], float] = lambda: at  # noqa: E731
    return House.of(settings, now, unattended=unattended)


def entries(settings: Settings) -> dict[str, object]:
    return dict(yaml.safe_load(settings.config.read_text(encoding="utf-8"))["models"] or {})


def everything_below(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_an_empty_folder_gives_a_valid_config_and_says_where_models_go(
    settings: Settings, heard: pytest.LogCaptureFixture
) -> None:
    assert synchronise(house(settings)).ok
    assert entries(settings) == {}
    assert f"No models yet: put .gguf files into {settings.models_dir}, and each gets an entry." in heard.text


def test_a_dropped_model_gets_an_entry_and_a_second_pass_changes_nothing(settings: Settings) -> None:
    drop(settings, "tiny-Q8_0.gguf")
    assert synchronise(house(settings)).ok
    assert list(entries(settings)) == ["tiny-Q8_0"]
    before = settings.config.read_bytes()
    assert synchronise(house(settings)).summary == "Nothing to do."
    assert settings.config.read_bytes() == before


def test_an_idle_pass_writes_no_file_at_all(settings: Settings) -> None:
    drop(settings, "tiny-Q8_0.gguf")
    synchronise(house(settings))
    before = everything_below(settings.config.parent)
    synchronise(house(settings))
    assert everything_below(settings.config.parent) == before


def test_a_dry_run_shows_the_diff_and_writes_nothing(settings: Settings) -> None:
    drop(settings, "tiny-Q8_0.gguf")
    shown = preview(house(settings))
    assert "+  tiny-Q8_0:\n" in shown
    assert shown.endswith("Nothing would be restarted.\n")
    assert everything_below(settings.config.parent) == {}


def test_a_dry_run_with_nothing_to_do_says_so(settings: Settings) -> None:
    synchronise(house(settings))
    assert preview(house(settings)) == f"{settings.config}: nothing to do.\n"


def test_a_dry_run_without_a_models_directory_is_an_error(settings: Settings) -> None:
    settings.models_dir.rmdir()
    with pytest.raises(SyncError, match=r"^The models directory .* is missing: mount it, or set"):
        preview(house(settings))


def test_a_missing_models_directory_changes_nothing_and_says_what_to_do(settings: Settings) -> None:
    drop(settings, "tiny-Q8_0.gguf")
    synchronise(house(settings))
    before = settings.config.read_bytes()
    settings.models_dir.rename(settings.models_dir.with_name("elsewhere"))
    report = synchronise(house(dataclasses.replace(settings, prune=True)))
    assert not report.ok
    assert report.problem == (
        f"The models directory {settings.models_dir} is missing: mount it, or set LLAMA_SWAP_MODELS_DIR"
    )
    assert settings.config.read_bytes() == before


def test_a_broken_config_stays_as_it_is_and_is_named_with_its_line(settings: Settings) -> None:
    drop(settings, "tiny-Q8_0.gguf")
    settings.config.write_text("models:\n  a: [\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"^{settings.config}:3:1: not valid YAML"):
        synchronise(house(settings))
    assert settings.config.read_text(encoding="utf-8") == "models:\n  a: [\n"


def test_a_file_that_is_still_being_written_waits_for_the_next_pass(settings: Settings) -> None:
    drop(settings, "a-Q8_0.gguf")
    drop(settings, "b-Q8_0.gguf")
    synchronise(house(settings), leave_out=frozenset({"b-Q8_0.gguf"}))
    assert list(entries(settings)) == ["a-Q8_0"]
    synchronise(house(settings))
    assert list(entries(settings)) == ["a-Q8_0", "b-Q8_0"]


def test_a_person_who_prunes_need_not_wait_out_the_grace(settings: Settings) -> None:
    settings = dataclasses.replace(settings, prune=True)
    file = drop(settings, "a-Q8_0.gguf")
    drop(settings, "b-Q8_0.gguf")
    synchronise(house(settings))
    file.unlink()
    synchronise(house(settings))
    assert list(entries(settings)) == ["b-Q8_0"]


def test_in_the_loop_a_stale_entry_waits_out_its_grace(settings: Settings) -> None:
    settings = dataclasses.replace(settings, prune=True)
    file = drop(settings, "a-Q8_0.gguf")
    drop(settings, "b-Q8_0.gguf")
    synchronise(house(settings, unattended=True))
    file.unlink()
    first = synchronise(house(settings, unattended=True))
    assert first.look_again_at == NOON + settings.prune_grace
    assert list(entries(settings)) == ["a-Q8_0", "b-Q8_0"]
    synchronise(house(settings, at=NOON + settings.prune_grace, unattended=True))
    assert list(entries(settings)) == ["b-Q8_0"]


def test_in_the_loop_a_file_that_is_left_out_is_named_once(
    settings: Settings, heard: pytest.LogCaptureFixture
) -> None:
    (settings.models_dir / "page.gguf").write_text("<html>not a model</html>", encoding="utf-8")
    drop(settings, "a-Q8_0.gguf")
    synchronise(house(settings, unattended=True))
    drop(settings, "b-Q8_0.gguf")
    synchronise(house(settings, unattended=True))
    named = [record.getMessage() for record in heard.records if "page.gguf" in record.getMessage()]
    assert len(named) == 1
    assert named[0].startswith("Left out: page.gguf: ")


def test_what_can_not_be_told_counts_as_being_there(tmp_path: Path) -> None:
    assert not exists(tmp_path / "absent")
    (tmp_path / "file").touch()
    assert not exists(tmp_path / "file" / "below")
    assert exists(tmp_path / ("n" * 300))
