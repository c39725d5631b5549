"""What a generated entry says: schema, command by kind, context, names that can't hurt."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.config import command, command_reading
from llama_swap_sync.config.document import Document
from llama_swap_sync.config.entries import capabilities, display_name, new_entry
from llama_swap_sync.library.model import Kind
from tests.unit.config.config_samples import model, planned, projector, settings_with

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "llama-swap"
SCHEMA = REFERENCE / "config-schema.json"
EXAMPLE = REFERENCE / "config.example.yaml"
with_schema = pytest.mark.skipif(not SCHEMA.exists(), reason=f"llama-swap's schema is not at {SCHEMA}")
with_example = pytest.mark.skipif(not EXAMPLE.exists(), reason=f"llama-swap's example is not at {EXAMPLE}")

models = st.builds(
    model,
    st.text(st.characters(codec="utf-8", exclude_characters="/\0$\n\r"), min_size=1, max_size=60).map(
        lambda stem: f"org/{stem}.gguf"
    ),
    kind=st.sampled_from(Kind),
    name=st.text(max_size=200),
    architecture=st.sampled_from(("qwen3", "bert", "a\nb")),
    quantisation=st.sampled_from(("", "Q4_K_M", "UD-Q4_K_XL")),
    context_length=st.sampled_from((None, 512, 4096, 131_072)),
    projector=st.sampled_from((None, projector("mm proj.gguf", "image", "audio"))),
)


@with_schema
@given(models)
def test_every_generated_entry_satisfies_llama_swaps_schema(made: Any) -> None:
    plan = planned(b"", made)
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(schema).validate(Document.parse(plan.after).data)


@given(models)
def test_a_command_read_back_names_its_file_and_no_second_entry_appears(made: Any) -> None:
    words = command_reading.words(command.text(made, settings_with()))
    assert words == shlex.split(command.text(made, settings_with()))
    assert command_reading.model_path(words) == f"/models/{made.path}"
    assert not planned(planned("models: {}\n", made).after, made).changed


@with_example
def test_the_commented_example_survives_add_audit_and_prune_outside_the_splice() -> None:
    before = EXAMPLE.read_bytes()
    added = planned(before, "org/new.gguf")
    line = b"    cmdStop: docker stop ${MODEL_ID}\n"
    head, tail = before.split(line)
    assert added.after.startswith(head + line + b"\n  org--new:\n")
    assert added.after.endswith(tail)
    audited = planned(added.after, "org/new.gguf", "path/to/gpt-oss-120B.gguf", audit="all")
    kept = iter(audited.after.splitlines())
    assert all(any(line == other for other in kept) for line in added.after.splitlines())
    pruned = planned(added.after, "path/to/gpt-oss-120B.gguf", prune=True, prune_limit=1.0, audit="off")
    assert pruned.after == before


def options(made: Any, **settings: Any) -> list[str]:
    """A command's lines behind the program and `-m`."""
    return command.text(made, settings_with(**settings)).splitlines()[2:]


def test_a_chat_model_gets_the_generic_arguments_one_a_line() -> None:
    assert command.text(model("x y.gguf"), settings_with()) == (
        "/app/llama-server\n-m '/models/x y.gguf'\n--port ${PORT}\n--host 127.0.0.1\n-ngl 99\n-c 4096\n"
        "-b 2048\n-ub 512\n--temp 0.7\n--top-p 0.95\n--top-k 40\n--repeat-penalty 1.1\n"
    )


def test_the_context_is_capped_by_the_trained_one_unless_the_arguments_are_the_persons() -> None:
    small = model("x.gguf", context_length=2048)
    assert "-c 2048" in options(small)
    assert "-c 8192" in options(small, llama_args=("-c", "8192"))


def test_auto_gives_only_what_kind_projector_and_port_need() -> None:
    bare = ["--port ${PORT}", "--host 127.0.0.1"]
    assert options(model("x.gguf"), llama_args=None) == bare
    seeing = model("x.gguf", projector=projector("p.gguf"))
    assert options(seeing, llama_args=None) == ["--mmproj /models/p.gguf", *bare]
    embedding = model("x.gguf", kind=Kind.EMBEDDING, context_length=512)
    assert options(embedding, llama_args=None) == ["--embeddings", *bare, "-c 512", "-b 512", "-ub 512"]


@pytest.mark.parametrize(("kind", "flag"), [(Kind.EMBEDDING, "--embeddings"), (Kind.RERANKER, "--reranking")])
@pytest.mark.parametrize(("trained", "context"), [(512, 512), (8192, 8192), (32_768, 8192)])
def test_embeddings_take_batches_of_their_context_and_no_sampling(
    kind: Kind, flag: str, trained: int, context: int
) -> None:
    made = options(model("x.gguf", kind=kind, context_length=trained))
    expected = [f"-c {context}", f"-b {context}", f"-ub {context}"]
    assert made == [flag, "--port ${PORT}", "--host 127.0.0.1", "-ngl 99", *expected]


def test_own_arguments_keep_their_quotes_and_negative_numbers() -> None:
    own = ("-fa", "on", "-n", "-1", "--chat-template-kwargs", '{"a b": "${x}"}', "--jinja")
    made = command.text(model("x.gguf"), settings_with(llama_args=own))
    assert made.splitlines()[4:] == [
        "-fa on",
        "-n -1",
        '--chat-template-kwargs \'{"a b": "${x}"}\'',
        "--jinja",
    ]
    assert command_reading.words(made)[-7:] == list(own)


def test_capabilities_say_what_goes_in_and_out_and_how_much() -> None:
    settings = settings_with()
    assert capabilities(model("x.gguf"), settings) == {"in": ["text"], "out": ["text"], "context": 4096}
    both = model("x.gguf", projector=projector("p.gguf", "audio", "image"), context_length=None)
    assert capabilities(both, settings_with(llama_args=None)) == {
        "in": ["text", "image", "audio"],
        "out": ["text"],
    }
    ranking = model("x.gguf", kind=Kind.RERANKER, context_length=512)
    assert capabilities(ranking, settings) == {"in": ["text"], "reranker": True, "context": 512}
    assert capabilities(model("x.gguf"), settings_with(llama_args=("-c", "0")))["context"] == 32_768


def test_a_name_from_the_header_can_neither_break_the_file_nor_the_schema() -> None:
    hostile = model("x.gguf", name="${env.SECRET}\n# " + "n" * 200)
    entry = new_entry(hostile, settings_with())
    assert str(entry["name"]).startswith("$ {env.SECRET} # nnn")
    assert len(str(entry["name"])) == 128
    assert display_name(model("a/Qwen-Q4_K_M.gguf")) == "Qwen-Q4_K_M"
    assert display_name(model("a/q.gguf", name="Qwen3 8B")) == "Qwen3 8B Q4_K_M"
