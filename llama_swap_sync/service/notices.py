"""Each trouble in the log once, again once a day while it lasts, and once when it is over."""

from __future__ import annotations

import logging

from llama_swap_sync.service.pacing import Notice

# What is said when a subject's trouble is over.
_OVER = {
    "library": "The models directory can be seen again",
    "pass": "What the last pass could not do is done now",
    "fetch": "The downloads that failed are done now",
}


class Notices:
    """What is wrong now, by subject (`library`, `pass`, `fetch`)."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._notices: dict[str, Notice] = {}

    def hear(self, subject: str, problem: str | None, now: float) -> None:
        """`problem` is what is wrong with the subject now, None if nothing; logged when that is news."""
        notice = self._notices.get(subject, Notice())
        if not notice.is_due(problem, now):
            return
        self._notices[subject] = Notice(problem, now)
        if problem:
            self._log.warning("%s", problem)
        else:
            self._log.info("%s", _OVER[subject])

    def problem(self, subject: str) -> str | None:
        """What is wrong with the subject."""
        return self._notices.get(subject, Notice()).problem
