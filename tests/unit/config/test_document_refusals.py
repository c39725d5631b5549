"""Bad input: one line that says where and what to do, and nothing changed."""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest

from llama_swap_sync.config.document import Document
from llama_swap_sync.config.edits import Insert
from llama_swap_sync.errors import ConfigError
from tests.unit.config.config_samples import planned


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"models:\n  a: [1,\n", "config.yaml:3:1: not valid YAML: while parsing a flow node, "),
        (
            b"models:\n\ta: 1\n",
            "config.yaml:2:1: not valid YAML: while scanning for the next token, found character",
        ),
        (
            b"models:\n  a: {cmd: x}\n  a: {cmd: y}\n",
            "config.yaml:3:3: the key 'a' stands twice in one mapping",
        ),
        (b"models:\n  a:\n    ttl: 1\n    ttl: 1\n", "config.yaml:4:5: the key 'ttl' stands twice"),
        (
            b"logLevel: info\nmodels: {}\nlogLevel: debug\n",
            "config.yaml:3:1: the key 'logLevel' stands twice",
        ),
        (b"# list\n- a\n- b\n", "config.yaml:2:1: this is a list, and llama-swap's config is settings"),
        (b"just words\n", "config.yaml:1:1: this is a bare value, "),
        (b"models:\n- a\n", "config.yaml:2:1: `models` is a list; llama-swap wants a mapping of IDs"),
        (b"models: 5\n", "config.yaml:1:9: `models` is a bare value; llama-swap wants a mapping of IDs"),
        (b"a: 1\nb: \xff\n", "config.yaml:2:4: the byte 0xFF is not UTF-8; save the file as UTF-8 text"),
        (
            b"a: 1\nb: \x00\n",
            "config.yaml:2:4: the character U+0000 is not allowed in YAML; is this a text file?",
        ),
        ("a: 1\n".encode("utf-16"), "config.yaml:1:1: this is UTF-16 or UTF-32; save it as UTF-8"),
        (b"a: *nowhere\n", "config.yaml:1:4: *nowhere repeats what is nowhere named &nowhere"),
        (
            b"  a: 1\n b: 2\n",
            "config.yaml:2:2: not valid YAML: this belongs to nothing above it, and llama-swap",
        ),
        (b'{"a": 1}\n{"b": 1}\n', "config.yaml:2:1: not valid YAML: this belongs to nothing above it"),
        (b"a: &x\n  b: *x\n", "config.yaml:2:6: *x repeats something that contains itself"),
        (b"[" * 5000, "config.yaml:1:201: nested more than 200 levels deep"),
        (
            b"a: 'open\n",
            "config.yaml:2:1: not valid YAML: while scanning a quoted scalar, found unexpected end",
        ),
    ],
)
def test_broken_files_are_refused_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Document.parse(data)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1


@pytest.mark.parametrize("rest", ["...\nnotes: [\n", "... \n} notes\n", "---\nb: [\n", "---\n\t@\n"])
def test_what_stands_behind_the_first_document_is_not_judged(rest: str) -> None:
    assert Document.parse(b"a: 1\n" + rest.encode()).data == {"a": 1}


def test_a_file_of_50_mb_is_refused_unread() -> None:
    data = b"a" * 50_000_000
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(ConfigError, match="has 50 MB, and no config has more than 17 MB"):
        Document.parse(data)
    assert time.perf_counter() - began < 0.1
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("seed", range(20))
def test_binary_junk_is_refused_with_one_line(seed: int) -> None:
    junk = random.Random(seed).randbytes(100_000)
    with pytest.raises(ConfigError) as error:
        Document.parse(junk, "/config/config.yaml")
    assert str(error.value).startswith("/config/config.yaml:")
    assert "\n" not in str(error.value)


def test_ten_levels_of_ten_aliases_are_no_bomb() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 11))
    document = Document.parse(f"l0: &l0 [x]\n{levels}models: {{}}\n".encode())
    assert planned(document.source, "x.gguf").changed
    assert len(document.data) == 12


@pytest.mark.parametrize(
    "text",
    [
        "base: &b {a: {cmd: x}}\nmodels: *b\n",
        "base: &b {models: {a: {cmd: x}}}\n<<: *b\n",
        "models: &m []\n",
        "models: [\n]\n",
        "? models\n",
    ],
)
def test_a_form_without_place_for_an_entry_is_refused_and_says_so(text: str) -> None:
    with pytest.raises(ConfigError, match="so no entry can be added; write it as `models:` with entries"):
        planned(text, "x.gguf")
    assert not planned(text).changed


def test_an_edit_that_does_not_come_out_as_planned_is_never_handed_on() -> None:
    document = Document.parse(b"models:\n  a: {cmd: x}\n")
    with pytest.raises(ConfigError, match=r"did not come out as planned .* nothing was written"):
        document.edited([Insert("b", {"ttl": float("nan"), "name": object()})])  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("key", "tells_llama_swap"),
    [
        *((key, True) for key in ("123", "1e3", "0x1F", "true", "~", "2024-01-02", "1_000")),
        *((key, False) for key in ("yes", "off", "12:30")),
    ],
)
def test_an_id_that_is_no_string_gets_a_warning_with_its_place(key: str, tells_llama_swap: bool) -> None:
    document = Document.parse(f"models:\n  ok: {{cmd: x}}\n  {key}: {{cmd: y}}\n".encode())
    assert document.entries[1].id == key
    assert document.warnings[0].startswith(f"config.yaml:3:3: the ID {key} is no string for YAML, ")
    assert document.serves_nothing is tells_llama_swap
    assert ("serves no model at all" in document.warnings[0]) is tells_llama_swap


@pytest.mark.parametrize("key", ['"123"', "'true'", "qwen3:30b", "7b", "1.5b", "v1.0.0", "!!str 123", "e5"])
def test_an_id_that_is_a_string_gets_no_warning(key: str) -> None:
    assert Document.parse(f"models:\n  {key}: {{cmd: y}}\n".encode()).warnings == ()


def test_facts_that_other_rooms_ask_for() -> None:
    document = Document.parse(
        b"apiKeys: [sk-1, '${env.KEY}']\nhealthCheckTimeout: 500\nglobalTTL: 0\nstore: {path: /x.db}\n"
    )
    assert document.api_keys == ("sk-1",)
    assert document.health_check_timeout == 500
    assert document.global_ttl == 0
    assert document.store_path == "/x.db"
    empty = Document.parse(b"")
    assert (empty.api_keys, empty.health_check_timeout, empty.global_ttl, empty.store_path) == (
        (),
        None,
        None,
        None,
    )
