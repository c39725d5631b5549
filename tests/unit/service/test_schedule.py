from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from llama_swap_sync.service.schedule import Alarm, next_after, zone_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FOUR = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
DAILY = "0 4 * * *"


def test_it_rings_once_when_its_moment_has_passed() -> None:
    alarm = Alarm(DAILY, NOON)
    assert not alarm.rings(FOUR - timedelta(seconds=1))
    assert alarm.rings(FOUR + timedelta(seconds=3))
    assert not alarm.rings(FOUR + timedelta(seconds=18))


def test_a_moment_that_passed_while_the_box_was_off_rings_at_the_start() -> None:
    assert Alarm(DAILY, NOON - timedelta(days=3)).rings(NOON)


def test_a_clock_set_forward_over_many_moments_rings_once() -> None:
    alarm = Alarm(DAILY, NOON)
    future = NOON + timedelta(days=400)
    assert [alarm.rings(future + timedelta(seconds=15 * turn)) for turn in range(4)] == [
        True,
        False,
        False,
        False,
    ]


def test_a_clock_set_back_neither_rings_at_once_nor_waits_for_the_old_future() -> None:
    alarm = Alarm(DAILY, NOON)
    past = datetime(2020, 1, 1, 12, 0, tzinfo=UTC)
    assert not alarm.rings(past)
    assert not alarm.rings(past + timedelta(hours=15))
    assert alarm.rings(past + timedelta(hours=16, seconds=1))


def test_the_hour_is_that_of_the_zone_through_the_change_of_summer_time() -> None:
    zone = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 10, 24, 12, 0, tzinfo=zone)
    assert next_after(DAILY, before).astimezone(UTC) == datetime(2026, 10, 25, 3, 0, tzinfo=UTC)


def test_an_empty_or_unknown_zone_is_the_systems_own() -> None:
    assert zone_of("") is None
    assert zone_of("Mars/Olympus") is None
    assert zone_of(":Europe/Berlin") == ZoneInfo("Europe/Berlin")
