"""One change at a time over a corpus: every byte outside one span stays, and idle files are never touched."""

from __future__ import annotations

from typing import Any

import pytest

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.edits import Cut, Edit, Fill, Insert
from tests.unit.config.config_samples import library, planned

BANNERS = b"""\
# yaml-language-server: $schema=https://example.org/schema.json
healthCheckTimeout: 500   # slow disk\t

macros:
  "run": >
    /app/llama-server --port ${PORT}

models:
  # ==== coding ====
  "coder":
    cmd: |
      ${run}
      -m /home/me/coder.gguf   # kept
    ttl: 60

  # thinks longer
  "coder:long":  # note
      cmd: >-
        ${run} -m /home/me/coder.gguf
        -c 131072
      env: ["A=b"]


  # "old":
  #   cmd: gone
# ==== groups ====
groups:
  g: {members: ["coder", "coder:long"]}
"""
ANCHORS = b"""\
base: &base
  ttl: 300
models:
  a: &a {<<: *base, cmd: x}
  b: *a
  c:
    <<: *base
    cmd: |+
      y

# end"""
EXPLICIT = b"""\
models:
   ? 'a'
   : cmd: x

   ? b
   : cmd: y
     ttl: 1
...
---
models: {}
""".replace(b"\n", b"\r\n")
FLOW = b"{models: {a: {cmd: x}, 'b': {cmd: y,},}, groups: {}}"
CORPUS = {"banners": BANNERS, "anchors": ANCHORS, "explicit": EXPLICIT, "flow": FLOW}

FIELDS: dict[str, Any] = {"name": "n", "cmd": "run\n-m x\n", "ttl": -1}


def spans_that_differ(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """What one span of `before` became, when only one did."""
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    tail = next((at for at in range(shorter - head) if before[-1 - at] != after[-1 - at]), shorter - head)
    return before[head : len(before) - tail], after[head : len(after) - tail]


@pytest.mark.parametrize("name", CORPUS)
def test_an_insert_puts_in_one_span_and_takes_nothing_out(name: str) -> None:
    before = CORPUS[name]
    taken, put = spans_that_differ(before, Document.parse(before).edited([Insert("new", FIELDS)]).source)
    assert taken == b""
    assert b"new" in put
    assert (b"\r\n" in put) == (name == "explicit")
    assert not put.replace(b"\r\n", b"").count(b"\r")


@pytest.mark.parametrize(
    ("name", "entry_id", "gone"),
    [
        ("banners", "coder:long", [b'  "coder:long":  # note\n      cmd: >-\n', b'      env: ["A=b"]\n']),
        ("explicit", "b", [b"\r\n   ? b\r\n   : cmd: y\r\n     ttl: 1\r\n"]),
        ("flow", "b", [b", 'b': {cmd: y,}"]),
        ("flow", "a", [b"a: {cmd: x}, "]),
        ("anchors", "c", [b"    cmd: |+\n      y\n\n"]),
    ],
)
def test_a_cut_takes_one_span_out_and_puts_nothing_in(name: str, entry_id: str, gone: list[bytes]) -> None:
    before = CORPUS[name]
    taken, put = spans_that_differ(before, Document.parse(before).edited([Cut(entry_id)]).source)
    assert put == b""
    # A span that ends as it began may be read one line further up or down.
    assert all(part.strip() in before and part.strip() in taken + taken for part in gone)
    assert b"#" not in taken.replace(b"# note", b"")


@pytest.mark.parametrize(
    ("name", "entry_id", "behind"),
    [
        ("banners", "coder", b"    ttl: 60\n"),
        ("banners", "coder:long", b'      env: ["A=b"]\n'),
        ("explicit", "a", b"   : cmd: x\r\n"),
        ("flow", "a", b"{models: {a: {cmd: x"),
        ("flow", "b", b"'b': {cmd: y"),
        ("anchors", "c", b"    cmd: |+\n      y\n\n"),
    ],
)
def test_a_fill_goes_right_behind_the_entrys_last_line(name: str, entry_id: str, behind: bytes) -> None:
    before = CORPUS[name]
    after = Document.parse(before).edited([Fill(entry_id, {"unlisted": False})]).source
    head, tail = before.split(behind)
    assert after.startswith(head + behind)
    assert after.endswith(tail)
    assert b"unlisted" in after[len(head + behind) : len(after) - len(tail)]


@pytest.mark.parametrize("edit", [Insert("new", FIELDS), Cut("c"), Fill("c", {"env": []})])
def test_the_anchor_and_its_aliases_are_the_same_characters_after_any_edit(edit: Edit) -> None:
    after = Document.parse(ANCHORS).edited([edit]).source
    assert ANCHORS[: ANCHORS.index(b"  c:")] in after
    assert after.endswith(b"# end")


@pytest.mark.parametrize("name", CORPUS)
def test_files_with_nothing_to_do_are_the_same_bytes(name: str) -> None:
    before = CORPUS[name]
    for plan in (
        planned(before),
        planned(before, shelf=library(), prune=True, prune_limit=1.0),
        planned(before, "m.gguf", refused=frozenset({"m.gguf"})),
        planned(before, "m.gguf", audit="off", prune=True, refused=frozenset({"m.gguf"})),
    ):
        assert plan.after == before
        assert not plan.changed
        assert plan.diff("config.yaml") == ""


@pytest.mark.parametrize(
    "before",
    [
        b"note: |+\n  text\n\n\n",
        b"note: |+\n  text\n\n\n...\n",
        b"note: |+\n  text\r\n\r\n",
        b"deep:\n  - note: |+\n\n\n",
    ],
)
def test_a_block_that_keeps_its_blank_lines_keeps_them_when_models_comes_and_goes(before: bytes) -> None:
    after = Document.parse(before).edited([Insert("new", FIELDS)])
    assert after.data["models"] == {"new": FIELDS}
    assert after.edited([Cut("new")]).source == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"models: {\n  a: {cmd: x}, # a\n  # b, old\n  b: {cmd: y}, # b\n  c: {cmd: z} # c\n}\n",
            b"models: {\n  a: {cmd: x}, # a\n  # b, old\n   # b\n  c: {cmd: z} # c\n}\n",
        ),
        (
            b"models: {\n  a: {cmd: x}, # a\n  b: {cmd: y},\n  # c\n  c: {cmd: z}\n}\n",
            b"models: {\n  a: {cmd: x}, # a\n  # c\n  c: {cmd: z}\n}\n",
        ),
        (
            b"models: {\n  a: {cmd: x} # a\n  , b: {cmd: y} # b, old\n  , c: {cmd: z}\n}\n",
            b"models: {\n  a: {cmd: x} # a\n  ,  # b, old\n   c: {cmd: z}\n}\n",
        ),
        (
            b"models: {\n  b: {cmd: y}, # b\n  # c\n  c: {cmd: z} }\n",
            b"models: {\n   # b\n  # c\n  c: {cmd: z} }\n",
        ),
        (b"models: {b: {cmd: y} # b, old\n , }\n", b"models: { # b, old\n  }\n"),
        (b"models: {a: {cmd: x},\n # b\n b: {cmd: y} }\n", b"models: {a: {cmd: x},\n # b\n  }\n"),
        (b"models: {\n a: {cmd: x},\n b: {cmd: y} # b\n}\n", b"models: {\n a: {cmd: x} # b\n}\n"),
    ],
)
def test_a_cut_between_braces_takes_no_comment_along(before: bytes, after: bytes) -> None:
    assert Document.parse(before).edited([Cut("b")]).source == after


@pytest.mark.parametrize("empty", [b"models: {}", b"models:", b"models: ~ # none", b"models: []"])
def test_comments_below_an_empty_models_outlive_the_entry_that_comes_and_goes(empty: bytes) -> None:
    before = empty + b"\n    # - later\n      # - much later\n  # end\nlogLevel: info\n"
    after = Document.parse(before).edited([Insert("new", FIELDS)])
    assert after.edited([Cut("new")]).source == before


@pytest.mark.parametrize(
    "before",
    [
        b"models: {\n  # first\n  # last, c\n}\n",
        b"models:\n  keep:\n    cmd: |\n\n  # old:\n  #   cmd: x\nlogLevel: info\n",
    ],
)
def test_two_entries_come_and_go_and_leave_the_comments(before: bytes) -> None:
    after = Document.parse(before).edited([Insert("one", FIELDS), Insert("two", FIELDS)])
    assert after.edited([Cut("one"), Cut("two")]).source == before


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_byte_order_marks_at_the_start_shift_no_edit(marks: int) -> None:
    before = b"\xef\xbb\xbf" * marks + b"models: {}\nlogLevel: info\n"
    one = Document.parse(before).edited([Insert("one", FIELDS)])
    two = Document.parse(one.source).edited([Insert("two", FIELDS)])
    assert two.data == {"models": {"one": FIELDS, "two": FIELDS}, "logLevel": "info"}
    assert two.edited([Cut("one"), Cut("two")]).source == before


def test_comments_inside_an_entry_stay_with_it() -> None:
    text = b"models:\n  a:\n    cmd: |\n      x\n  b:\n    cmd: y\n      # ttl: 5\n  # outer\n"
    document = Document.parse(text)
    assert b"      # ttl: 5\n  new:\n" in document.edited([Insert("new", FIELDS)]).source
    assert document.edited([Cut("b")]).source == b"models:\n  a:\n    cmd: |\n      x\n  # outer\n"


def test_new_entries_keep_the_files_habits() -> None:
    tight = planned(
        b"models:\n    a:\n       cmd: x\n    b:\n       cmd: y\n", "n1.gguf", "n2.gguf", audit="off"
    ).after
    assert b"\n       cmd: y\n    n1:\n       name: n1 Q4_K_M\n" in tight
    assert b"\n\n" not in tight
    wide = planned(b"models:\n  a: {cmd: x}\n\n\n  b: {cmd: y}\n", "n1.gguf", audit="off").after
    assert b"y}\n\n\n  n1:\n    name" in wide
    alone = planned(b"models:\n  a: {cmd: x}\n# groups\ngroups: {}\n", "n1.gguf", audit="off").after
    assert b"x}\n\n  n1:\n" in alone
    assert alone.endswith(b"context: 4096\n# groups\ngroups: {}\n")
