"""What a person does to a box over the years: up twice, down and up, a reboot in any order."""

from __future__ import annotations

import pytest

from tests.gguf_files import write_chat_model
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox

pytestmark = pytest.mark.stack


def test_up_twice_and_down_and_up_change_no_byte_and_restart_nothing_needlessly(new_box: NewBox) -> None:
    box = new_box()
    write_chat_model(box.models / "tiny.gguf")
    box.start()
    await_condition(lambda: box.listed() == {"tiny"}, "tiny being listed")
    before, started = box.config.read_bytes(), box.state("llama-swap")["StartedAt"]
    box.start()
    assert box.state("llama-swap")["StartedAt"] == started
    assert box.compose("down", "--timeout", "5").returncode == 0
    box.start()
    await_condition(lambda: box.listed() == {"tiny"}, "tiny being listed after down and up")
    await_condition(lambda: health(box) == "healthy\n", "the sync being well")
    assert box.config.read_bytes() == before
    assert "restart" not in box.logs("sync")


def test_a_reboot_that_starts_the_sync_long_before_llama_swap_heals_by_itself(new_box: NewBox) -> None:
    box = new_box()
    write_chat_model(box.models / "tiny.gguf")
    box.start()
    await_condition(lambda: box.listed() == {"tiny"}, "tiny being listed")
    box.compose("stop", "--timeout", "5")
    write_chat_model(box.models / "second.gguf")
    box.compose("up", "-d", "--no-deps", "sync")
    await_condition(lambda: "second" in box.entries(), "an entry while llama-swap is down")
    box.compose("up", "-d", "--no-deps", "llama-swap")
    await_condition(lambda: box.listed() == {"tiny", "second"}, "both being listed")
    await_condition(lambda: health(box) == "healthy\n", "the sync being well", 120)
    assert "Traceback" not in box.logs("sync")


def health(box: Box) -> str:
    """What the health check prints now."""
    return box.compose("exec", "-T", "sync", "python", "/app/healthcheck.py").stdout
