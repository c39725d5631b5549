"""The event stream of all three generations, line by line."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.apply.events import InFlight, Message, messages
from tests.fakes.llama_swap import event


def heard(*events: list[str]) -> InFlight:
    seen = InFlight()
    for message in messages(line for lines in events for line in lines):
        seen = seen.after(message)
    return seen


def operation(name: str, **data: object) -> list[str]:
    return event("inflight", {"operation": name, **data})


def test_a_snapshot_without_requests_means_none() -> None:
    assert heard(operation("snapshot")).total == 0


def test_upserts_and_removals_change_the_snapshot() -> None:
    first = operation("snapshot", requests=[{"id": "1"}, {"id": "2"}])
    assert heard(first).total == 2
    assert heard(first, operation("upsert", request={"id": "2"})).total == 2
    assert heard(first, operation("upsert", request={"id": "3"})).total == 3
    assert heard(first, operation("remove", id="1"), operation("remove", id="2")).total == 0


def test_a_new_snapshot_replaces_what_was_known() -> None:
    assert heard(operation("snapshot", requests=[{"id": "1"}]), operation("snapshot")).total == 0


def test_changes_before_the_first_snapshot_tell_nothing_yet() -> None:
    assert heard(operation("upsert", request={"id": "1"}), operation("remove", id="1")).total is None


def test_the_second_generation_tells_a_total() -> None:
    assert heard(event("inflight", {"total": 2})).total == 2
    assert heard(event("inflight", {"total": 2}), event("inflight", {"total": 0})).total == 0


def test_the_first_generation_tells_nothing() -> None:
    assert (
        heard(event("logData", {"source": "proxy", "data": "inflight"}), event("modelStatus", [])).total
        is None
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["data:not json", ""],
        ["data:[1]", ""],
        ['data:{"type": "inflight", "data": "[]"}', ""],
        ['data:{"type": "inflight", "data": "{\\"operation\\": \\"dance\\"}"}', ""],
        ['data:{"type": "inflight", "data": "{\\"total\\": \\"many\\"}"}', ""],
        [": a comment", ""],
        ['data:{"type": "inflight", "data": "{\\"total\\": 0}"}'],
    ],
    ids=["no json", "no object", "no mapping", "unknown operation", "no number", "comment", "cut off"],
)
def test_what_is_no_message_changes_nothing(lines: list[str]) -> None:
    assert heard(lines).total is None


def test_a_message_may_come_in_several_data_lines_and_with_carriage_returns() -> None:
    lines = ['data: {"type": "inflight",\r', 'data: "data": "{\\"total\\": 3}"}\r', "\r"]
    assert list(messages(lines)) == [Message("inflight", {"total": 3})]


@given(st.lists(st.text(max_size=40), max_size=20))
def test_no_line_whatsoever_ends_in_an_error(lines: Iterable[str]) -> None:
    assert heard(list(lines)).total is None
