"""What `list` shows: complete, and no line wider than a terminal of 80 columns."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.library.listing import WIDTH, as_json, columns, table
from llama_swap_sync.library.model import Kind, LeftOut, Library, Model, Projector

LONG = "unsloth/Qwen3-VL-235B-A22B-Instruct-GGUF/UD-Q4_K_XL/Qwen3-VL-235B-A22B-Instruct-UD-Q4_K_XL"
BIG = Model(
    path=f"{LONG}-00001-of-00002.gguf",
    files=(f"{LONG}-00001-of-00002.gguf", f"{LONG}-00002-of-00002.gguf"),
    size=134_000_000_000,
    kind=Kind.CHAT,
    architecture="qwen3vlmoe",
    name="Qwen3 VL",
    quantisation="UD-Q4_K_XL",
    context_length=262_144,
    embedding_length=4096,
    projector=Projector("unsloth/mmproj-F16.gguf", frozenset({"image", "audio"})),
)
SMALL = Model(
    path="bge.gguf",
    files=("bge.gguf",),
    size=115_072,
    kind=Kind.EMBEDDING,
    architecture="bert",
    name="",
    quantisation="",
    context_length=None,
    embedding_length=384,
    projector=None,
    other_paths=("links/bge.gguf",),
)
LIBRARY = Library(
    (SMALL, BIG),
    (
        LeftOut("half.gguf", "ends within its own header: still being copied, or cut off", "incomplete"),
        LeftOut("unsloth/mmproj-F16.gguf", "a projector, for models beside or below it", "left out", True),
    ),
)
SERVED = {"bge.gguf": ("bge", "embed")}
NEW = {BIG.path: "unsloth--Qwen3-VL--UD-Q4_K_XL"}


def test_table_tells_all_of_each_model_within_eighty_columns() -> None:
    assert (
        table(LIBRARY, SERVED, NEW)
        == """\
MODEL                             KIND       QUANT         SIZE  CONTEXT  STATE
bge.gguf                          embedding  -           115 kB        -  served
  served as bge, embed; bert
  also at links/bge.gguf
unsloth/Qwen3-VL-235B-A22B-Instruct-GGUF/UD-Q4_K_XL/Qwen3-VL-235B-A22B-Instruct-
  UD-Q4_K_XL-00001-of-00002.gguf
                                  chat       UD-Q4_K_XL  134 GB   262144  new
  will be unsloth--Qwen3-VL--UD-Q4_K_XL; qwen3vlmoe, 2 shards
  audio and image by unsloth/mmproj-F16.gguf

Left out:
  half.gguf: ends within its own header: still being copied, or cut off

Not shown: 1 that is no model (-v names them).
"""
    )


def test_everything_names_also_what_needs_nothing() -> None:
    shown = table(LIBRARY, SERVED, NEW, everything=True)
    assert "  unsloth/mmproj-F16.gguf: a projector, for models beside or below it\n" in shown
    assert "Not shown" not in shown


def test_empty_library_and_broken_one_are_said_in_words() -> None:
    assert table(Library(), {}, {}) == "No models yet.\n"
    problem = "The models directory /srv/models is missing: mount it, or set LLAMA_SWAP_MODELS_DIR"
    assert table(Library(problem=problem), {}, {}) == (
        "The models directory /srv/models is missing: mount it, or set\n  LLAMA_SWAP_MODELS_DIR\n"
    )


def test_model_without_an_id_says_so() -> None:
    assert "  no ID; bert\n" in table(Library((SMALL,)), {}, {})


def test_json_has_every_model_and_everything_left_out() -> None:
    told = json.loads(json.dumps(as_json(LIBRARY, SERVED, NEW)))
    assert told["problem"] is None
    assert [(model["path"], model["ids"], model["state"]) for model in told["models"]] == [
        ("bge.gguf", ["bge", "embed"], "served"),
        (BIG.path, ["unsloth--Qwen3-VL--UD-Q4_K_XL"], "new"),
    ]
    assert told["models"][1] == {
        "path": BIG.path,
        "files": list(BIG.files),
        "other_paths": [],
        "size": 134_000_000_000,
        "kind": "chat",
        "architecture": "qwen3vlmoe",
        "name": "Qwen3 VL",
        "quantisation": "UD-Q4_K_XL",
        "context_length": 262_144,
        "embedding_length": 4096,
        "projector": {"path": "unsloth/mmproj-F16.gguf", "modalities": ["audio", "image"]},
        "ids": ["unsloth--Qwen3-VL--UD-Q4_K_XL"],
        "state": "new",
    }
    assert told["left_out"] == [
        {
            "path": "half.gguf",
            "state": "incomplete",
            "reason": "ends within its own header: still being copied, or cut off",
            "expected": False,
        },
        {
            "path": "unsloth/mmproj-F16.gguf",
            "state": "left out",
            "reason": "a projector, for models beside or below it",
            "expected": True,
        },
    ]


PATHS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=200)


@given(PATHS, st.lists(PATHS, max_size=3), PATHS, st.sampled_from(Kind), st.integers(0, 10**13))
def test_no_line_is_wider_than_a_terminal(
    path: str, ids: list[str], projector: str, kind: Kind, count: int
) -> None:
    model = Model(
        path,
        (path,) * 3,
        count,
        kind,
        path,
        "",
        "UD-IQ3_XXS",
        10**7,
        1,
        Projector(projector, frozenset({"image"})),
    )
    library = Library((model,), (LeftOut(path, "a reason", "refused"),))
    shown = table(library, {path: tuple(ids)}, {}, everything=True)
    assert all(columns(line) <= WIDTH for line in shown.splitlines())


def test_columns_stand_below_each_other_whatever_script_a_path_is_in() -> None:
    paths = ("plain.gguf", "モデル.gguf", "e\u0301te\u0301.gguf", "🦙.gguf")
    lines = table(Library(tuple(replace(SMALL, path=path, other_paths=()) for path in paths)), {}, {})
    kinds = [columns(line[: line.index("embedding")]) for line in lines.splitlines() if "embedding" in line]
    assert kinds == [columns("モデル.gguf") + 2] * 4


def test_wide_name_is_broken_within_eighty_columns_and_not_cut() -> None:
    path = f"{'模' * 100}.gguf"
    shown = table(Library(left_out=(LeftOut(path, "a reason", "refused"),)), {}, {})
    assert max(columns(line) for line in shown.splitlines()) in (WIDTH - 1, WIDTH)
    assert path in "".join(line.strip() for line in shown.splitlines())
