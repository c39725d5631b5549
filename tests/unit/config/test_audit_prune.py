"""Missing keys are added so that nothing changes; stale entries go, or stay for a named reason."""

from __future__ import annotations

from typing import Any

import pytest

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.entries import TEMPLATE_KEYS
from llama_swap_sync.config.plan import Fill, Refusal, Remove, Stale
from tests.unit.config.config_samples import library, planned

MINE = "models:\n  mine:\n    cmd: run -m /models/x.gguf\n    ttl: 60\n"
GONE = "  gone:\n    cmd: run -m /models/gone.gguf\n"
THREE = MINE + GONE + "  vllm:\n    cmd: vllm serve /models/org\n"


def fields(text: bytes, entry_id: str) -> dict[str, Any]:
    """An entry's data."""
    return Document.parse(text).data["models"][entry_id]  # type: ignore[index, call-overload, return-value]


def test_a_library_entry_gets_the_keys_it_lacks_and_keeps_those_it_has() -> None:
    plan = planned(MINE, "x.gguf")
    entry = fields(plan.after, "mine")
    assert set(entry) == set(TEMPLATE_KEYS)
    assert (entry["ttl"], entry["cmd"], entry["name"], entry["unlisted"]) == (
        60,
        "run -m /models/x.gguf",
        "",
        False,
    )
    assert plan.changes == (Fill("mine", tuple(key for key in TEMPLATE_KEYS if key not in ("cmd", "ttl"))),)
    assert plan.after.startswith(MINE.encode())


@pytest.mark.parametrize(("head", "ttl"), [("", 0), ("globalTTL: 300\n", -1), ("globalTTL: 0\n", -1)])
def test_a_filled_ttl_never_switches_the_global_one_off(head: str, ttl: int) -> None:
    text = head + "models:\n  mine: {cmd: run -m /models/x.gguf}\n"
    assert fields(planned(text, "x.gguf").after, "mine")["ttl"] == ttl


def test_foreign_and_stale_entries_are_not_audited() -> None:
    text = (
        "models:\n  vllm: {cmd: vllm serve x}\n  hf: {cmd: llama-server -hf o/r}\n"
        "  away: {cmd: run -m /srv/x.gguf}\n" + GONE
    )
    assert not planned(text, "x.gguf").changed


def test_audit_all_fills_every_entry_but_invents_no_command() -> None:
    plan = planned("models:\n  a: {ttl: 1}\n  b: {cmd: vllm}\n", audit="all", shelf=library("x.gguf"))
    assert "cmd" not in fields(plan.after, "a")
    assert set(fields(plan.after, "b")) == set(TEMPLATE_KEYS)


def test_a_missing_command_is_filled_where_the_file_is_known() -> None:
    by_env = "models:\n  a:\n    env: [LLAMA_ARG_MODEL=/models/x.gguf]\n"
    assert "-m /models/x.gguf\n" in fields(planned(by_env, "x.gguf").after, "a")["cmd"]
    by_id = planned("models:\n  x:\n", "x.gguf")
    assert "-m /models/x.gguf\n" in fields(by_id.after, "x")["cmd"]
    assert planned(by_id.after, "x.gguf").changes == ()


def test_keys_that_a_merge_key_brings_are_not_missing() -> None:
    text = "base: &b {ttl: 5, env: [A=b]}\nmodels:\n  mine:\n    <<: *b\n    cmd: run -m /models/x.gguf\n"
    after = planned(text, "x.gguf").after
    assert (fields(after, "mine")["ttl"], fields(after, "mine")["env"]) == (5, ["A=b"])


def test_an_entry_that_others_merge_is_left_alone_and_named() -> None:
    text = (
        "models:\n  a: &a\n    cmd: run -m /models/x.gguf\n  b:\n    <<: [*a, {ttl: 60}]\n"
        "    cmd: run -m /models/x.gguf -c 1\n"
    )
    plan = planned(text, "x.gguf")
    assert fields(plan.after, "b")["ttl"] == 60
    assert [refusal.subject for refusal in plan.refusals] == ["a"]
    assert "no mapping of its own" in plan.refusals[0].reason


def test_audit_off_adds_nothing() -> None:
    assert not planned(MINE, "x.gguf", audit="off").changed


def pruned(text: str, **changes: Any) -> Any:
    """The plan with pruning on and no audit."""
    return planned(text, "x.gguf", **{"audit": "off", "prune": True, **changes})


def test_a_stale_entry_goes_and_everything_else_stays() -> None:
    plan = pruned(THREE)
    assert plan.after.decode() == THREE.replace(GONE, "")
    assert plan.changes == (Remove("gone", "gone.gguf"),)
    assert plan.sentences() == ["gone: removed, its file gone.gguf is gone"]
    assert "gone" not in plan.listed


def test_without_prune_a_stale_entry_is_only_told() -> None:
    plan = pruned(THREE, prune=False)
    assert not plan.changed
    assert plan.stale == (Stale("gone", "gone.gguf"),)


def test_a_file_that_is_there_but_no_model_is_not_stale() -> None:
    plan = pruned(THREE, exists=lambda path: path == "gone.gguf")
    assert plan.stale == ()
    assert not plan.changed


def test_a_file_that_has_not_been_gone_for_long_waits() -> None:
    plan = pruned(THREE, gone_for_good=lambda _path: False)
    assert not plan.changed
    assert plan.refusals == ()
    assert plan.stale == (Stale("gone", "gone.gguf"),)


@pytest.mark.parametrize(
    ("shelf", "words"),
    [
        (
            library(),
            "models holds no model while the file has 2 library entries, so none is removed; is the share",
        ),
        (
            library(problem="no such folder"),
            "models can't be looked at (no such folder) while the file has 2 library",
        ),
    ],
)
def test_an_unmounted_share_wipes_no_config(shelf: Any, words: str) -> None:
    plan = planned(THREE, shelf=shelf, prune=True, audit="off", prune_limit=1.0)
    assert not plan.changed
    assert plan.refusals[0].subject == "prune"
    assert words in plan.refusals[0].reason


def test_no_more_than_the_limit_goes_at_once() -> None:
    text = THREE + "  gone2:\n    cmd: run -m /models/gone2.gguf\n"
    plan = pruned(text)
    assert not plan.changed
    assert plan.refusals[0].reason == (
        "2 of 3 library entries have lost their file, more than SYNC_PRUNE_LIMIT (50%) allows at once, "
        "so none is removed; if they are meant to go, raise the limit for one run (gone, gone2)"
    )
    assert pruned(text, prune_limit=0.7).changed


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ("groups:\n  g:\n    members:\n    - gone\n", "groups.g.members (config.yaml:10:7)"),
        ("hooks: {on_startup: {preload: [' gone ']}}\n", "hooks.on_startup.preload (config.yaml:7:32)"),
        ("profiles: {p: {pins: {code: gone}}}\n", "profiles.p.pins.code (config.yaml:7:29)"),
        ("profiles:\n  old: [gone]\n", "profiles.old (config.yaml:8:9)"),
        ("matrix: {vars: {g: gone}, sets: {s: g}}\n", "matrix.vars.g (config.yaml:7:20)"),
        ("matrix: {sets: {s: (mine|gone) & x}}\n", "matrix.sets.s (config.yaml:7:20)"),
        ("matrix: {evict_costs: {gone: 5}}\n", "matrix.evict_costs (config.yaml:7:24)"),
        ("selectors: {s: {strategy: warm, targets: [gone]}}\n", "selectors.s.targets (config.yaml:7:43)"),
        (
            "routing: {scheduler: {settings: {fifo: {priority: {gone: 1}}}}}\n",
            "routing.scheduler.settings.fifo.priority",
        ),
        (
            "routing: {router: {settings: {groups: {g: {members: [gone]}}}}}\n",
            "routing.router.settings.groups.g.members",
        ),
        ("macros: {m: gone}\ngroups: {g: {members: ['${m}']}}\n", "groups.g.members (config.yaml:8:24)"),
    ],
)
def test_an_entry_that_something_names_stays_and_the_place_is_said(section: str, where: str) -> None:
    plan = pruned(MINE + GONE + section)
    assert not plan.changed
    assert plan.refusals[0].subject == "gone"
    assert plan.refusals[0].reason.startswith(f"its file gone.gguf is gone, but {where}")
    assert plan.refusals[0].reason.endswith(" names gone, so it stays; take it out there first")


def test_names_of_groups_and_selectors_are_no_references() -> None:
    assert pruned(MINE + GONE + "groups: {gone: {members: [mine]}}\n").changed


@pytest.mark.parametrize(
    "field", ["aliases: [nick]", "filters: {setParamsByID: {'${MODEL_ID}:x': {}, nick: {}}}"]
)
def test_an_entry_that_is_named_by_another_of_its_names_stays(field: str) -> None:
    plan = pruned(MINE + GONE + f"    {field}\nselectors: {{s: {{targets: [nick]}}}}\n")
    assert not plan.changed
    assert " names nick, so it stays" in plan.refusals[0].reason


def test_an_entry_whose_anchor_is_used_elsewhere_stays() -> None:
    text = MINE + "  gone: &g\n    cmd: run -m /models/gone.gguf\n  b:\n    <<: *g\n    cmd: x\n"
    plan = pruned(text)
    assert not plan.changed
    assert plan.refusals == (
        Refusal(
            "gone", "its file gone.gguf is gone, but the file repeats what it holds elsewhere, so it stays"
        ),
    )


def test_a_foreign_entry_is_never_pruned() -> None:
    text = MINE + (
        "  d: {cmd: docker run -v /m:/models x -m /models/gone.gguf}\n"
        "  v: {cmd: vllm serve --model /models/gone}\n"
        "  h: {cmd: llama-server -m /home/gone.gguf}\n  e: {cmd: 'llama-server -m ${env.M}/gone.gguf'}\n"
    )
    plan = pruned(text, prune_limit=1.0)
    assert plan.stale == ()
    assert not plan.changed


def test_comments_around_a_pruned_entry_stay() -> None:
    text = (
        "models:\n  # first\n  a: {cmd: run -m /models/x.gguf}\n\n  # about gone\n"
        + GONE
        + "\n  # last\n  z: {cmd: y}\n"
    )
    assert pruned(text).after.decode() == text.replace(GONE, "")


def test_an_id_in_explicit_form_that_we_would_generate_is_written_plainly() -> None:
    text = "models:\n  ? org--x\n  : cmd: run -m /models/org/x.gguf  # a\n    ttl:   60\n  ? b\n  : cmd: y\n"
    plan = planned(text, "org/x.gguf", audit="off")
    assert plan.after.decode() == text.replace("  ? org--x\n  : cmd", "  org--x:\n    cmd")
    assert plan.sentences() == ["org--x: its key is written plainly, its value is as it was"]


@pytest.mark.parametrize("second", ["z: *g", "z:\n    <<: *g\n    cmd: run -m /models/gone.gguf -c 1"])
def test_stale_entries_that_repeat_each_other_go_together(second: str) -> None:
    text = f"models:\n  k: {{cmd: x}}\n  gone: &g\n    cmd: run -m /models/gone.gguf\n  {second}\n"
    plan = planned(text, "k.gguf", prune=True, prune_limit=1.0, audit="off", refused=frozenset(("k.gguf",)))
    assert plan.after == b"models:\n  k: {cmd: x}\n"
    assert [change.sentence for change in plan.changes] == [
        "gone: removed, its file gone.gguf is gone",
        "z: removed, its file gone.gguf is gone",
    ]
