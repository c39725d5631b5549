"""STANDIN_ANSWERS: a llama-swap that answers wrongly, late or never."""

from __future__ import annotations

import time

from .answers import Handler

_FOR_EVER = 3600.0


def answer_badly(handler: Handler, answers: str) -> bool:
    """Whether the request has been dealt with here; `slow:SECONDS` delays it and lets it pass."""
    if answers.startswith("slow:"):
        time.sleep(float(answers.removeprefix("slow:")))
        return False
    if answers == "never":
        time.sleep(_FOR_EVER)
    elif answers.isdigit():
        handler.body()
        handler.problem(int(answers), f"as asked for by STANDIN_ANSWERS={answers}")
    return bool(answers)
