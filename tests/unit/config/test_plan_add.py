"""What a plan adds, and that a second one finds nothing to do."""

from __future__ import annotations

import pytest

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.plan import Add
from llama_swap_sync.library.model import Kind
from tests.unit.config.config_samples import model, planned, projector


def test_a_new_model_gets_an_entry_in_the_templates_order() -> None:
    plan = planned("models:\n  mine:\n    cmd: run\n", "org/repo/x-Q4_K_M.gguf")
    entry = Document.parse(plan.after).data["models"]["org--repo--x-Q4_K_M"]  # type: ignore[index, call-overload]
    assert list(entry) == [  # type: ignore[arg-type]
        "name",
        "description",
        "cmd",
        "aliases",
        "env",
        "ttl",
        "unlisted",
        "filters",
        "metadata",
        "macros",
        "concurrencyLimit",
        "cmdStop",
        "capabilities",
    ]
    assert plan.changes == (Add("org--repo--x-Q4_K_M", "org/repo/x-Q4_K_M.gguf"),)
    assert plan.sentences() == ["org--repo--x-Q4_K_M: added for org/repo/x-Q4_K_M.gguf"]


def test_an_empty_file_becomes_one_with_a_comment_and_a_generous_timeout() -> None:
    text = planned(b"").after.decode()
    assert text.startswith("# Made by llama-swap-sync.")
    assert "\nhealthCheckTimeout: 600\n" in text
    assert text.endswith("\nmodels: {}\n")
    filled = planned(text, "a.gguf").after.decode()
    assert "\nmodels:\n  a:\n    name: a Q4_K_M\n" in filled


def test_a_second_run_changes_nothing() -> None:
    models = (
        "a/b.gguf",
        model("e.gguf", kind=Kind.EMBEDDING),
        model("v w.gguf", projector=projector("p #.gguf")),
    )
    first = planned("models: {}\n", *models)
    second = planned(first.after, *models)
    assert first.changed
    assert not second.changed
    assert second.changes == ()


def test_refused_models_are_not_added() -> None:
    assert not planned("models: {}\n", "a.gguf", refused=frozenset({"a.gguf"})).changed


@pytest.mark.parametrize("path", ["a${b}.gguf", "a\nb.gguf", "a\udcffb.gguf"])
def test_a_path_that_a_command_cannot_hold_is_refused_and_named(path: str) -> None:
    plan = planned("models: {}\n", path)
    assert not plan.changed
    assert plan.refusals[0].subject == path
    assert plan.refusals[0].reason.endswith("; rename it")


def test_listed_leaves_out_unlisted_entries() -> None:
    plan = planned("models:\n  a: {cmd: x}\n  b: {cmd: y, unlisted: true}\n  c:\n", "d.gguf")
    assert plan.listed == {"a", "d"}


def test_nothing_is_expected_to_be_listed_when_an_id_is_no_string() -> None:
    plan = planned("models:\n  123: {cmd: x}\n", "d.gguf")
    assert plan.listed == frozenset()
    assert plan.warnings == (
        "config.yaml:2:3: the ID 123 is no string for YAML, llama-swap then serves no model at all, "
        "without a word; quote it",
    )


def test_global_ttl_that_new_entries_would_switch_off_is_said() -> None:
    plan = planned("globalTTL: 300\nmodels: {}\n", "d.gguf")
    assert "set SYNC_TTL=-1" in plan.warnings[0]
    assert planned(plan.after, "d.gguf").warnings == ()


def test_the_diff_shows_what_is_added_with_its_place() -> None:
    plan = planned("a: 1\n" * 0 + "logLevel: info\nmodels: {}\n", "d.gguf")
    diff = plan.diff("config.yaml")
    assert diff.startswith("--- config.yaml\n+++ config.yaml\n@@ -1,2 +1,")
    assert "\n-models: {}\n+models:\n+  d:\n" in diff
    assert planned(plan.after, "d.gguf").diff("config.yaml") == ""


def test_the_fingerprint_tells_plans_apart() -> None:
    first = planned("models: {}\n", "d.gguf")
    assert first.fingerprint == planned("models: {}\n", "d.gguf").fingerprint
    assert first.fingerprint != planned("models: {}\n", "e.gguf").fingerprint
