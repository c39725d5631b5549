"""Blame by halves: who is found, and in how many trials."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.apply.bisect import Search, named_in


def run(
    search: Search, culprits: frozenset[str], *, others_bad: bool = False
) -> tuple[Search, list[frozenset[str]]]:
    """Plays llama-swap: refuses every trial with a culprit in it. Returns the search and the trials."""
    trials = []
    while (trial := search.trial()) is not None:
        trials.append(trial)
        search = search.after(accepted=not (trial & culprits) and not others_bad)
    return search, trials


def models(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_one_culprit_is_found_in_log2_trials_and_everything_else_is_accepted(case: tuple[int, int]) -> None:
    count, culprit = case
    all_models = models(count)
    search, trials = run(Search.among(all_models, frozenset(), others=False), frozenset({f"m{culprit}"}))
    assert search.found == (f"m{culprit}",)
    assert not search.gave_up
    accepted = {model for trial in trials if f"m{culprit}" not in trial for model in trial}
    assert accepted == set(all_models) - {f"m{culprit}"}
    # One more may be needed for what was set aside on the way.
    assert len(trials) <= math.ceil(math.log2(count)) + 1


@given(st.integers(2, 40), st.data())
def test_several_culprits_end_the_search_within_its_budget(count: int, data: st.DataObject) -> None:
    all_models = models(count)
    culprits = data.draw(st.sets(st.sampled_from(all_models), min_size=2))
    search, trials = run(Search.among(all_models, frozenset(), others=False), frozenset(culprits))
    assert len(trials) <= math.ceil(math.log2(count)) + 1
    accepted = {model for trial in trials if not trial & culprits for model in trial}
    assert not accepted & culprits
    if not search.gave_up:
        assert set(search.found) == culprits


def test_a_named_culprit_is_left_out_at_once() -> None:
    search, trials = run(Search.among(models(64), frozenset({"m7"}), others=False), frozenset({"m7"}))
    assert search.found == ("m7",)
    assert len(trials) == 1


def test_a_single_new_entry_needs_no_trial() -> None:
    search, trials = run(Search.among(["m0"], frozenset(), others=False), frozenset({"m0"}))
    assert (search.found, trials) == (("m0",), [])


def test_a_second_name_is_followed_too() -> None:
    search = Search.among(models(8), frozenset({"m1"}), others=False)
    assert search.trial() == frozenset(models(8)) - {"m1"}
    search = search.after(accepted=False, named=frozenset({"m5"}))
    assert search.trial() == frozenset(models(8)) - {"m1", "m5"}
    assert search.after(accepted=True).found == ("m1", "m5")


def test_other_changes_are_tried_without_any_new_entry_first() -> None:
    search = Search.among(models(4), frozenset(), others=True)
    assert search.trial() == frozenset()
    found, _ = run(search, frozenset({"m2"}))
    assert found.found == ("m2",)


def test_where_the_other_changes_are_refused_no_entry_is_blamed() -> None:
    search, trials = run(Search.among(models(4), frozenset(), others=True), frozenset(), others_bad=True)
    assert (search.gave_up, search.found, trials) == (True, (), [frozenset()])


def test_an_id_is_named_only_as_a_word_of_its_own() -> None:
    ids = {"a.gguf": "qwen", "b.gguf": "qwen.Q8_0", "c.gguf": "org--qwen", "d.gguf": "other"}
    assert named_in("unknown macro '${x}' found in qwen.cmd", ids) == {"a.gguf"}
    assert named_in("unknown macro '${x}' found in qwen.Q8_0.cmd", ids) == {"b.gguf"}
    assert named_in("model org--qwen: invalid TTL", ids) == {"c.gguf"}
    assert named_in("yaml: line 3: mapping values", ids) == frozenset()
