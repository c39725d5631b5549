"""Amounts as people read them, the same way in every line."""

from __future__ import annotations


def of_bytes(count: float) -> str:
    """Bytes with decimal units, as publishers, disks and the Hub use them: `115 kB`, `4.9 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
