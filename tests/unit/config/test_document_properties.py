"""For any document: bytes outside an edit stay, old data plus the plan results, and edits undo each other."""

from __future__ import annotations

from codecs import BOM_UTF8 as BOM
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.entries import CREATED, new_entry
from llama_swap_sync.config.plan import Add, Plan
from llama_swap_sync.config.scalars import Value
from llama_swap_sync.library.model import Kind
from tests.unit.config.config_samples import library, model, planned, projector, settings_with
from tests.unit.config.config_texts import config_texts

MODELS = (
    model("org/repo/x-Q4_K_M.gguf"),
    model("a/b.gguf", kind=Kind.EMBEDDING, context_length=512),
    model("123.gguf", name="1e3"),
    model("on.gguf", projector=projector("mm proj #1.gguf", "image", "audio")),
    model('it\'s \U0001f600 \\ "q".gguf', kind=Kind.RERANKER, context_length=None, name="null"),
    model("\x85 \u2028 \x07.gguf", quantisation=""),
)
chosen = st.lists(st.sampled_from(MODELS), min_size=1, max_size=3, unique=True)


def data_of(text: bytes, loader: Any = yaml.CBaseLoader) -> dict[str, Any]:
    """The first document by PyYAML, as an oracle of its own; a missing final line break is added first."""
    body = text.removeprefix(BOM).decode()
    newline = "\r\n" if "\r\n" in body else "\r" if "\r" in body else "\n"
    body = body if not body or body[-1] in "\r\n" else body + newline
    reader = loader(body)
    return (reader.get_data() if reader.check_data() else None) or {}


def entries_of(data: dict[str, Any]) -> dict[str, Any]:
    """`models` of a file's data; nothing, `[]` and `~` are no entries."""
    models = data.get("models")
    return models if isinstance(models, dict) else {}


def removed_bytes(before: bytes, after: bytes) -> bytes:
    """What of `before` is missing in `after`, taking the change as one span."""
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - head
    tail = 0
    while tail < rest and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return before[head : len(before) - tail]


def insertion(before: bytes, models: list[Any]) -> Plan:
    """The plan that adds models and does nothing else."""
    return planned(before, *models, audit="off", exists=lambda _path: True)


@given(config_texts(), chosen)
def test_an_insert_keeps_every_other_byte(before: bytes, models: list[Any]) -> None:
    plan = insertion(before, models)
    assume(all(isinstance(change, Add) for change in plan.changes))
    gone = removed_bytes(before, plan.after)
    # All that may change is the rest of the line of a `models` that holds nothing.
    assert gone == b"" or b"models: " + gone.lstrip() in before.removeprefix(BOM).splitlines()


@given(config_texts(), chosen)
def test_an_insert_gives_old_data_plus_the_new_entries(before: bytes, models: list[Any]) -> None:
    plan = insertion(before, models)
    old = data_of(CREATED.encode() if Document.parse(before).is_empty else before)
    new = data_of(plan.after)
    added = {change.id: change.model_path for change in plan.changes if isinstance(change, Add)}
    assert {**old, "models": None} == {**new, "models": None}
    assert list(entries_of(new)) == [*entries_of(old), *added]
    assert {key: value for key, value in entries_of(new).items() if key not in added} == entries_of(old)
    typed = entries_of(data_of(plan.after, yaml.CSafeLoader))
    by_path = {item.path: item for item in models}
    for entry_id, path in added.items():
        assert typed[entry_id] == new_entry(by_path[path], settings_with())
        assert list(typed[entry_id]) == list(new_entry(by_path[path], settings_with()))


@given(config_texts(), chosen)
def test_a_second_run_changes_nothing(before: bytes, models: list[Any]) -> None:
    for audit in ("off", "library", "all"):
        first = planned(before, *models, audit=audit, exists=lambda _path: True)
        second = planned(first.after, *models, audit=audit, exists=lambda _path: True)
        assert second.after == first.after
        assert second.changes == ()


@given(config_texts(), chosen)
def test_insert_then_prune_gives_the_original_bytes_back(before: bytes, models: list[Any]) -> None:
    assume(not Document.parse(before).is_empty)  # a file that we create keeps its head
    plan = insertion(before, models)
    assume(all(isinstance(change, Add) for change in plan.changes))
    added = {change.model_path for change in plan.changes if isinstance(change, Add)}
    other = library("other.gguf")
    back = planned(
        plan.after,
        shelf=other,
        refused=frozenset({"other.gguf"}),
        audit="off",
        prune=True,
        prune_limit=1.0,
        exists=lambda path: path not in added,
    )
    assert back.refusals == ()
    assert back.after == before


@given(config_texts())
def test_an_audit_of_all_entries_adds_keys_and_changes_none(before: bytes) -> None:
    assume(not Document.parse(before).is_empty)
    plan = planned(before, shelf=library(), audit="all")
    old, new = data_of(before), data_of(plan.after)
    assert {**old, "models": None} == {**new, "models": None}
    assert list(entries_of(new)) == list(entries_of(old))
    for entry_id, fields in entries_of(old).items():
        kept = {key: value for key, value in entries_of(new)[entry_id].items() if key in (fields or {})}
        assert kept == (fields or {})
        assert "cmd" in (fields or {"cmd": ""}) or "cmd" not in entries_of(new)[entry_id]
    rest = iter(plan.after.splitlines())
    block = b"{" not in before
    assert not block or all(line in rest for line in before.splitlines())


@given(config_texts(), st.data())
def test_pruning_any_entries_keeps_all_others_and_every_comment_between(before: bytes, data: Any) -> None:
    from llama_swap_sync.config.edits import Cut
    from llama_swap_sync.config.feasibility import can_cut

    document = Document.parse(before)
    cuttable = [entry.id for entry in document.entries if can_cut(document, entry)]
    cuts = data.draw(st.sets(st.sampled_from(cuttable))) if cuttable else set()
    after = document.edited([Cut(entry_id) for entry_id in cuts]).source
    old, new = data_of(before), data_of(after)
    assert {**old, "models": None} == {**new, "models": None}
    assert entries_of(new) == {key: value for key, value in entries_of(old).items() if key not in cuts}


@given(config_texts())
def test_data_says_what_another_parser_says(before: bytes) -> None:
    ours: dict[str, Value] = Document.parse(before).data
    theirs = data_of(before)
    assert list(ours) == list(theirs)
