"""Amounts read the same in every line."""

from __future__ import annotations

import pytest

from llama_swap_sync.amounts import of_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (115_072, "115 kB"),
        (4_920_000_000, "4.9 GB"),
        (46_000_000_000, "46.0 GB"),
        (999_900_000, "1.0 GB"),
        (134_000_000_000, "134 GB"),
        (1_200_000_000_000, "1.2 TB"),
    ],
)
def test_sizes_are_in_decimal_units(count: int, text: str) -> None:
    assert of_bytes(count) == text
