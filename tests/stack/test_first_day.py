"""Issue 3's main job on the shipped compose.yml: from an empty folder to an answer, with no YAML by hand."""

from __future__ import annotations

import pytest

from tests.gguf_files import write_chat_model
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

PATH = "acme/Tiny-GGUF/tiny-Q8_0.gguf"
ID = "acme--Tiny-GGUF--tiny-Q8_0"


def test_an_empty_folder_is_a_normal_first_day(new_box: NewBox) -> None:
    box = new_box()
    box.start()

    assert box.state("sync-init")["ExitCode"] == 0
    await_condition(lambda: box.state("llama-swap")["Health"]["Status"] == "healthy", "llama-swap healthy")
    assert box.entries() == {}
    assert "put .gguf files" in box.logs("sync-init").lower()


def test_a_file_dropped_in_is_answered_and_one_taken_out_goes(new_box: NewBox) -> None:
    box = new_box(SYNC_PRUNE="true", SYNC_PRUNE_GRACE="2s", SYNC_PRUNE_LIMIT="100%")
    box.start()
    await_condition(lambda: box.state("llama-swap")["Health"]["Status"] == "healthy", "llama-swap healthy")
    started = box.state("llama-swap")["StartedAt"]

    write_chat_model(box.models / PATH)
    await_condition(lambda: box.listed() == {ID}, f"{ID} being listed")

    assert list(box.entries()) == [ID]
    assert box.state("llama-swap")["StartedAt"] != started, "nobody restarted llama-swap"
    assert len(box.chat(ID, "Hello", max_tokens=16)) == 16, "the tiny model answers a letter a token"
    _assert_restart_changes_nothing(box)
    _assert_removal_is_followed(box)


def test_a_model_that_is_there_before_the_start_needs_no_restart(new_box: NewBox) -> None:
    box = new_box()
    write_chat_model(box.models / PATH)
    box.start()

    await_condition(lambda: box.listed() == {ID}, f"{ID} being listed")
    started = box.state("llama-swap")["StartedAt"]
    _await_a_look(box)
    assert box.state("llama-swap")["StartedAt"] == started
    assert len(box.chat(ID, "Hello", max_tokens=16)) == 16, "the tiny model answers a letter a token"


def test_a_config_path_that_is_a_file_is_refused_with_what_to_do(new_box: NewBox) -> None:
    box = new_box(sound=False)
    file = box.folder / "config.yaml"
    file.write_text("models: {}\n")
    box.configure(CONFIG_PATH=str(file))

    done = box.compose("up", "--detach")

    assert done.returncode != 0
    assert box.state("sync-init")["ExitCode"] == 1
    assert "CONFIG_PATH names a file, and it must name a folder" in box.logs("sync-init")
    assert file.read_text() == "models: {}\n"


def _assert_restart_changes_nothing(box: Box) -> None:
    config, started = box.config.read_bytes(), box.state("llama-swap")["StartedAt"]
    assert box.compose("restart", "sync").returncode == 0
    _await_a_look(box)
    assert box.config.read_bytes() == config
    assert box.state("llama-swap")["StartedAt"] == started


def _assert_removal_is_followed(box: Box) -> None:
    keeper = box.models / "acme/Keeper-GGUF/keeper-F32.gguf"
    write_chat_model(keeper, name="Keeper")
    await_condition(lambda: len(box.entries()) == 2, "the second model's entry")
    (box.models / PATH).unlink()
    await_condition(lambda: ID not in box.entries(), f"{ID} being pruned")
    await_condition(
        lambda: box.listed() == {"acme--Keeper-GGUF--keeper-F32"}, "the keeper alone being listed"
    )


def _await_a_look(box: Box) -> None:
    """The container's health tells that a pass after its start went well."""
    await_condition(lambda: _is_sound(box), "a healthy sync", 90)


def _is_sound(box: Box) -> bool:
    code = box.compose("exec", "--no-TTY", "sync", "python", "/app/healthcheck.py").returncode
    return code == 0
