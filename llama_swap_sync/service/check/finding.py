"""One fact about the box and, when it is not as it should be, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """`fact` is what was found under `subject`; `to_do` is empty when nothing has to be done."""

    subject: str
    fact: str
    to_do: str = ""

    @property
    def line(self) -> str:
        """`ok   subject  fact`, or `do   subject  fact: what to do`."""
        mark = "do" if self.to_do else "ok"
        told = f"{self.fact}: {self.to_do}" if self.to_do else self.fact
        return f"{mark:<4}{self.subject:<{_WIDTH}}{told}"


def exit_code(findings: Iterable[Finding]) -> int:
    """1 if anything must be done, else 0."""
    return 1 if any(finding.to_do for finding in findings) else 0


def gigabytes(count: int) -> str:
    """A size as people read it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
