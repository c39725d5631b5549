"""Every way of naming a model of Hugging Face, and what is answered to what names none."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.hub.references import EXAMPLES, BadReference, Reference, parse

REPO = "unsloth/Qwen3-4B-GGUF"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REPO, Reference(REPO)),
        (f"{REPO}:UD-Q4_K_XL", Reference(REPO, None, "UD-Q4_K_XL")),
        (f"{REPO}:q4_k_m@v2", Reference(REPO, None, "q4_k_m", "v2")),
        (f"hf.co/{REPO}:Q8_0", Reference(REPO, None, "Q8_0")),
        (f"  {REPO}:Q8_0 ", Reference(REPO, None, "Q8_0")),
        (f"{REPO}/a.gguf", Reference(REPO, "a.gguf")),
        (f"{REPO}/BF16/a b-00001-of-00002.GGUF", Reference(REPO, "BF16/a b-00001-of-00002.GGUF")),
        (f"{REPO}/a.gguf@refs/pr/3", Reference(REPO, "a.gguf", None, "refs/pr/3")),
        (f"{REPO}/we@home.gguf", Reference(REPO, "we@home.gguf")),
        (f"https://huggingface.co/{REPO}", Reference(REPO)),
        (f"https://huggingface.co/{REPO}/tree/main", Reference(REPO)),
        (f"https://huggingface.co/{REPO}/blob/main/a.gguf", Reference(REPO, "a.gguf")),
        (f"https://huggingface.co/{REPO}/resolve/main/a.gguf?download=true", Reference(REPO, "a.gguf")),
        (f"huggingface.co/{REPO}/resolve/abc123/x/a%20b.gguf", Reference(REPO, "x/a b.gguf", None, "abc123")),
        (f"https://hf.co/{REPO}/blob/refs%2Fpr%2F7/a.gguf", Reference(REPO, "a.gguf", None, "refs/pr/7")),
        (f"https://hf.co/{REPO}/blob/refs/pr/7/a.gguf", Reference(REPO, "a.gguf", None, "refs/pr/7")),
    ],
)
def test_every_form_is_understood(text: str, expected: Reference) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("gemma3", "names no owner: a model is OWNER/REPO"),
        ("llama3:8b", "names no owner: a model is OWNER/REPO"),
        (f"{REPO}:", "names no quantisation behind its colon"),
        (f"{REPO}/model.safetensors", "names a file that is no .gguf"),
        (f"{REPO}/a.gguf.part1of2", "names one raw half of a file"),
        (f"{REPO}/../../etc/a.gguf", "has a path that leads nowhere inside a repository"),
        (f"{REPO}/a//b.gguf", "has a path that leads nowhere inside a repository"),
        (f"{REPO}/a.gguf@", "names no branch, tag or commit behind its @"),
        (f"{REPO}/${{HOME}}.gguf", "holds a character that no reference has"),
        ("own\\repo:Q4", "holds a character that no reference has"),
        ("a b/c", "has 'a b' where an owner or a repository stands"),
        ("../repo", "has '..' where an owner or a repository stands"),
        ("https://example.org/a/b/blob/main/c.gguf", "is no address at huggingface.co"),
        ("https://[a/b", "is no address"),
        ("ftp://huggingface.co/a/b", "is no address at huggingface.co"),
        ("https://huggingface.co/datasets/a/b", "leads to datasets, not to a model"),
        (f"https://huggingface.co/{REPO}/discussions/4", "leads to no file"),
        (f"https://huggingface.co/{REPO}/blob/main", "has a path that leads nowhere inside a repository"),
    ],
)
def test_a_refusal_says_why_and_shows_an_example(text: str, problem: str) -> None:
    with pytest.raises(BadReference, match=re.escape(problem)) as refused:
        parse(text)
    assert EXAMPLES[0] in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_understood(example: str) -> None:
    assert parse(example).repo == "ggml-org/gemma-3-270m-GGUF"


_PIECES = st.sampled_from(
    [*"/:@.%$-_\\ ?#", "..", "https://", "hf.co", ".gguf", "blob", "main", "a", "Q4_K_M"]
)


@given(st.lists(_PIECES | st.text(string.printable, max_size=3), max_size=12).map("".join))
def test_any_text_is_a_reference_or_a_refusal_and_what_is_understood_is_understood_again(text: str) -> None:
    with suppress(BadReference):
        found = parse(text)
        assert parse(str(found)) == found
        assert ".." not in (found.path or "").split("/")


def test_parsing_loads_nothing_but_the_standard_library() -> None:
    code = "import sys, llama_swap_sync.hub.references; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"huggingface_hub", "requests", "httpx2", "filelock", "yaml"}.isdisjoint(loaded.split())
