from __future__ import annotations

from llama_swap_sync.service.pacing import DAY, Notice, Pauses


def test_pauses_double_up_to_the_longest() -> None:
    pauses = Pauses(first=30.0, longest=200.0)
    assert [pauses.after(failures) for failures in (1, 2, 3, 4, 5)] == [30.0, 60.0, 120.0, 200.0, 200.0]


def test_years_of_failures_do_not_overflow() -> None:
    assert Pauses(first=30.0, longest=3600.0).after(10**6) == 3600.0


def test_a_problem_is_due_once_and_then_once_a_day() -> None:
    notice = Notice("no share", said_at=0.0)
    assert Notice().is_due("no share", 0.0)
    assert not notice.is_due("no share", DAY - 1)
    assert notice.is_due("no share", DAY)
    assert notice.is_due("another problem", 1.0)


def test_all_well_is_said_once_and_only_after_a_problem() -> None:
    assert not Notice().is_due(None, 0.0)
    assert Notice("no share", 0.0).is_due(None, 1.0)
    assert not Notice(None, 1.0).is_due(None, 1.0 + 2 * DAY)
