from __future__ import annotations

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.service.settle import Settling

WHOLE = (100, 1)
HALF = (50, 0)


def test_a_new_file_is_a_change_once_it_was_left_alone() -> None:
    settling = Settling(5.0)
    settling.look({"a.gguf": WHOLE}, 0.0)
    assert settling.changed(0.0) == frozenset()
    assert settling.moving(4.9) == {"a.gguf"}
    settling.look({"a.gguf": WHOLE}, 5.0)
    assert settling.changed(5.0) == {"a.gguf"}
    assert settling.moving(5.0) == frozenset()


def test_a_growing_file_does_not_hold_up_the_others() -> None:
    settling = Settling(5.0)
    settling.look({"a.gguf": WHOLE, "b.gguf": HALF}, 0.0)
    settling.look({"a.gguf": WHOLE, "b.gguf": WHOLE}, 5.0)
    assert settling.changed(5.0) == {"a.gguf"}
    settling.act(5.0)
    assert settling.changed(5.0) == frozenset()
    settling.look({"a.gguf": WHOLE, "b.gguf": WHOLE}, 10.0)
    assert settling.changed(10.0) == {"b.gguf"}


def test_a_file_that_is_gone_is_a_change_once_it_stayed_away() -> None:
    settling = Settling(5.0)
    settling.look({"a.gguf": WHOLE}, 0.0)
    settling.look({"a.gguf": WHOLE}, 5.0)
    settling.act(5.0)
    settling.look({}, 10.0)
    assert settling.changed(14.0) == frozenset()
    assert settling.changed(15.0) == {"a.gguf"}
    settling.act(15.0)
    assert settling.changed(20.0) == frozenset()


def test_a_file_that_came_back_as_it_was_is_no_change() -> None:
    settling = Settling(5.0)
    settling.look({"a.gguf": WHOLE}, 0.0)
    settling.act(5.0)
    settling.look({}, 10.0)
    settling.look({"a.gguf": WHOLE}, 12.0)
    assert settling.changed(20.0) == frozenset()


def test_a_touched_modification_time_alone_does_not_settle_a_file() -> None:
    settling = Settling(5.0)
    long_ago = (100, -(10**18))
    settling.look({"a.gguf": long_ago}, 0.0)
    assert settling.changed(1.0) == frozenset()


def test_the_wait_ends_when_the_first_moving_thing_may_have_settled() -> None:
    settling = Settling(5.0)
    settling.look({"a": 1}, 0.0)
    settling.look({"a": 1, "b": 1}, 2.0)
    assert settling.wait(2.0) == 3.0
    assert settling.wait(5.0) == 2.0
    assert settling.wait(7.0) is None


def test_no_settle_time_means_at_once() -> None:
    settling = Settling(0.0)
    settling.look({"a": 1}, 0.0)
    assert settling.changed(0.0) == {"a"}


_LOOKS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3), max_size=12)


@given(_LOOKS)
def test_every_change_is_acted_upon_in_the_end(looks: list[dict[str, Hashable]]) -> None:
    settling = Settling(5.0)
    now = 0.0
    acted: dict[str, Hashable] = {}
    for seen in [*looks, looks[-1] if looks else {}]:
        settling.look(seen, now)
        for name in settling.changed(now):
            acted[name] = seen.get(name)
        settling.act(now)
        now += 3.0
    now += 5.0
    final = looks[-1] if looks else {}
    settling.look(final, now)
    for name in settling.changed(now):
        acted[name] = final.get(name)
    assert {name: stamp for name, stamp in acted.items() if stamp is not None} == final
