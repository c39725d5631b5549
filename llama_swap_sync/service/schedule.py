"""The cron line of the update check, on a clock that may jump."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


def zone_of(name: str) -> tzinfo | None:
    """The zone of TZ; None, the system's own, for an empty or unknown name."""
    if not name.strip():
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name.strip().removeprefix(":"))
    except (ValueError, OSError, KeyError):
        return None


def next_after(line: str, moment: datetime) -> datetime:
    """The line's first moment after `moment`, in its zone. Raises CronSimError for what is no cron line."""
    from cronsim import CronSim

    return next(CronSim(line, moment))


class Alarm:
    """Rings once when a moment of the cron line has passed, however many have passed since it last rang.

    A clock that was set forward over ten moments rings once; one that was set back neither rings for the
    moments that it repeats until it reaches the next of them, nor waits until the old future.
    """

    def __init__(self, line: str, last_rung: datetime) -> None:
        self._line = line
        self._last_heard = last_rung
        self._next = next_after(line, last_rung)

    def rings(self, now: datetime) -> bool:
        """Whether a moment of the line lies between the last call and `now`."""
        set_back = now < self._last_heard - timedelta(minutes=1)
        self._last_heard = now
        if set_back:
            self._next = next_after(self._line, now)
        if now < self._next:
            return False
        self._next = next_after(self._line, now)
        return True
