"""llama-swap's own words in its log."""

from __future__ import annotations

import pytest

from llama_swap_sync.apply.refusal import last_words, refusal


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '2026/08/22 09:29:57 ERROR failed to load config config=/config/config.yaml config-dir=""'
            " error=\"unknown macro '${oops}' found in qwen.cmd\"",
            "unknown macro '${oops}' found in qwen.cmd",
        ),
        (
            'time=x level=ERROR msg="failed to load config" error="keys \\"a\\" and\\n \\"b\\" clash"',
            'keys "a" and "b" clash',
        ),
        ("2026/08/22 ERROR failed to load config config=c error=EOF", "EOF"),
        ("[WARN] failed to reload config: yaml: line 3: mapping values", "yaml: line 3: mapping values"),
        ("Error loading config: duplicate alias a found in model: b", "duplicate alias a found in model: b"),
        ("[WARN] failed to build new server during reload: no such group", "no such group"),
        ("failed to load config", "failed to load config"),
    ],
)
def test_the_reason_is_taken_from_the_line_that_refuses(line: str, reason: str) -> None:
    assert refusal(["listening on :8080", line, ""]) == reason


def test_the_last_refusal_counts() -> None:
    assert refusal(["failed to reload config: a", "failed to reload config: b"]) == "b"


def test_a_refusal_is_over_when_a_later_config_was_taken() -> None:
    assert refusal(["failed to reload config: a", "[INFO] configuration reloaded"]) is None


def test_without_a_refusal_the_last_line_that_says_anything_stands() -> None:
    assert refusal(["hello", "panic: out of memory", " "]) is None
    assert last_words(["hello", "panic: out of memory", " "]) == "panic: out of memory"
    assert last_words([]) == ""


def test_a_line_without_end_is_cut() -> None:
    assert len(last_words(["x" * 10_000])) == 300
