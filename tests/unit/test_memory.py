"""What is remembered between passes: an equal fingerprint means idle, and a grace outlives restarts."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.memory import Gone, fingerprint
from llama_swap_sync.settings import read

SETTINGS = read({}, in_image=False).settings


def test_a_fingerprint_changes_with_file_library_and_settings() -> None:
    same = fingerprint(b"models: {}\n", "abc", SETTINGS)
    assert fingerprint(b"models: {}\n", "abc", SETTINGS) == same
    assert fingerprint(b"models: {} \n", "abc", SETTINGS) != same
    assert fingerprint(b"models: {}\n", "abd", SETTINGS) != same
    assert fingerprint(b"models: {}\n", "abc", dataclasses.replace(SETTINGS, prune=True)) != same


def test_a_file_is_gone_for_good_once_the_grace_is_over() -> None:
    gone = Gone({}).observed(["a.gguf"], now=1000)
    assert not gone.for_good("a.gguf", now=1599, grace=600)
    assert gone.for_good("a.gguf", now=1600, grace=600)


def test_a_file_that_came_back_begins_anew() -> None:
    gone = Gone({}).observed(["a.gguf"], now=1000).observed([], now=1300).observed(["a.gguf"], now=1500)
    assert not gone.for_good("a.gguf", now=1700, grace=600)


def test_a_grace_of_zero_is_over_at_once() -> None:
    assert Gone({}).for_good("a.gguf", now=1000, grace=0)


def test_the_next_look_is_due_when_the_first_grace_ends() -> None:
    gone = Gone({"a.gguf": 1000, "b.gguf": 1200})
    assert gone.next_due(now=1300, grace=600) == 1600
    assert gone.next_due(now=1700, grace=600) == 1800
    assert gone.next_due(now=1900, grace=600) is None


def test_a_damaged_memory_counts_as_none() -> None:
    assert Gone.remembered(None) == Gone.remembered({"since": [1]}) == Gone({})
    assert Gone.remembered({"since": {"a.gguf": "soon", "b.gguf": 5}}) == Gone({"b.gguf": 5})


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(1, 1e6))
def test_a_clock_set_back_never_shortens_the_grace(first: float, second: float, grace: float) -> None:
    gone = Gone({}).observed(["a.gguf"], first).observed(["a.gguf"], second)
    assert gone.for_good("a.gguf", second, grace) == (second - first >= grace)
