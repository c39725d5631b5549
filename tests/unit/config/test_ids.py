"""Generated IDs: always within the limit, never somebody else's, the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.ids import free_id, generated_id
from tests.unit.config.config_samples import planned

paths = st.lists(
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=150), min_size=1, max_size=5
)
NAME = "DeepSeek-R1-Distill-Qwen-32B-abliterated"
LONG = f"bartowski/{NAME}-GGUF/{NAME}-Q4_K_M.gguf"


@pytest.mark.parametrize(
    ("path", "longest", "expected"),
    [
        ("org/repo/x-Q4_K_M.gguf", 80, "org--repo--x-Q4_K_M"),
        ("x.GGUF", 80, "x"),
        ("u/UD-Q4/big-00001-of-00003.gguf", 80, "u--UD-Q4--big"),
        (LONG, 80, "bartowski--DeepSeek-R1-Distill---DeepSeek-R1-Distill-Qwen-32B-abliterated-Q4_K_M"),
        (LONG, 64, "bartowski--Seek-R1-Distill-Qwen-32B-abliterated-Q4_K_M--58ddb330"),
        (LONG, 16, "b--K_M--58ddb330"),
    ],
)
def test_ids_keep_author_and_variant_and_stay_short_enough(path: str, longest: int, expected: str) -> None:
    assert generated_id(path, longest) == expected


@given(paths, st.integers(16, 128), st.integers(0, 3))
def test_an_id_is_never_too_long_never_taken_and_always_the_same(
    parts: list[str], longest: int, collisions: int
) -> None:
    path = "/".join(parts) + ".gguf"
    taken: set[str] = set()
    for _ in range(collisions + 1):
        entry_id = free_id(path, longest, taken)
        assert 0 < len(entry_id) <= longest
        assert entry_id not in taken
        assert entry_id == free_id(path, longest, taken)
        taken.add(entry_id)


@pytest.mark.parametrize(
    "holder",
    [
        "models: {a--b: {cmd: docker run x}, other: {cmd: y}}\n",
        "models: {other: {cmd: y, aliases: [a--b]}}\n",
        "models: {other: {cmd: y, filters: {setParamsByID: {a--b: {}}}}}\n",
        "models: {other: {cmd: y, macros: {m: a--b}, aliases: ['${m}']}}\n",
        "models: {}\nselectors: {a--b: {strategy: pin, targets: [x]}}\n",
        "models: {}\npeers: {p: {proxy: http://x, models: [a--b]}}\n",
        "models: {}\npeers: {a--b: {proxy: http://x, models: [m]}}\nselectors: {a--b: {}}\n",
    ],
)
def test_a_name_that_the_file_already_gives_away_gets_digits(holder: str) -> None:
    plan = planned(holder, "a/b.gguf", "z.gguf", audit="off")
    added = {change.model_path: change.id for change in plan.changes}  # type: ignore[union-attr]
    if "a/b.gguf" in added:
        assert added["a/b.gguf"] == "a--b--60d89a73"
    else:
        assert plan.served["a/b.gguf"] == ("a--b",)
    assert added["z.gguf"] == "z"
    assert not planned(plan.after, "a/b.gguf", "z.gguf", audit="off").changed


def test_two_files_with_one_id_both_get_an_entry() -> None:
    plan = planned("models: {}\n", "a/b.gguf", "a--b.gguf", "a--b.GGUF")
    ids = set(Document.parse(plan.after).data["models"])  # type: ignore[arg-type]
    assert len(ids) == 3
    assert "a--b" in ids
    assert not planned(plan.after, "a/b.gguf", "a--b.gguf", "a--b.GGUF").changed


@pytest.mark.parametrize(
    "stem", ["123", "1e3", "true", "null", "on", "2024-01-01", "a: b", "# x", "~", "-", "<<", "="]
)
def test_an_id_that_yaml_would_read_as_something_else_is_quoted(stem: str) -> None:
    plan = planned("models: {}\n", f"{stem}.gguf")
    document = Document.parse(plan.after)
    assert [entry.id for entry in document.entries] == [stem]
    assert document.warnings == ()
    assert f'\n  "{stem}":\n'.encode() in plan.after
