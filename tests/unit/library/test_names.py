"""Names as publishers write them."""

from __future__ import annotations

import pytest

from llama_swap_sync.library import names
from llama_swap_sync.library.names import Shard


@pytest.mark.parametrize(
    ("path", "quantisation"),
    [
        ("bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf", "Q4_K_M"),
        ("bartowski/google_gemma-3-4b-it-Q4_K_L.gguf", "Q4_K_L"),
        ("bartowski/Old-Q4_0_4_4.gguf", "Q4_0_4_4"),
        ("unsloth/Qwen3-8B-GGUF/Qwen3-8B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("unsloth/DeepSeek-V3-GGUF/UD-TQ1_0/model-00001-of-00004.gguf", "UD-TQ1_0"),
        ("unsloth/gpt-oss-20b-F16.gguf", "F16"),
        ("ggml-org/gpt-oss-20b-GGUF/gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("ggml-org/embeddinggemma-300M-GGUF/embeddinggemma-300M-Q8_0.gguf", "Q8_0"),
        ("TheBloke/Mistral-7B-v0.1-GGUF/mistral-7b-v0.1.Q5_K_S.gguf", "Q5_K_S"),
        ("mradermacher/Foo-i1-GGUF/Foo.i1-Q4_K_M.gguf", "i1-Q4_K_M"),
        ("mradermacher/Foo-GGUF/Foo.IQ4_XS.gguf", "IQ4_XS"),
        ("lmstudio-community/gemma/gemma-2-2b-it-q4_k_m.GGUF", "Q4_K_M"),
        ("someone/Foo-F16-Q6_K.gguf", "Q6_K"),
        ("someone/model-fp16.gguf", "F16"),
        ("someone/Q4_0/ggml-model.gguf", "Q4_0"),
        ("someone/Model-bf16.gguf", "BF16"),
        ("someone/plain.gguf", ""),
        ("someone/Seq2_kind-f160.gguf", ""),
    ],
)
def test_quantisation_is_read_from_the_name_or_its_folder(path: str, quantisation: str) -> None:
    assert names.quantisation(path) == quantisation


def test_shards_are_read_in_any_case_and_one_of_one_is_a_file_of_its_own() -> None:
    assert names.shard("a/b-00002-of-00005.gguf") == Shard("a/b", 2, 5)
    assert names.shard("a/b-00002-OF-00005.GGUF") == Shard("a/b", 2, 5)
    for path in ("b-00001-of-00001.gguf", "b-00006-of-00005.gguf", "b-00000-of-00005.gguf", "b-2-of-5.gguf"):
        assert names.shard(path) is None


def test_sibling_is_what_llama_cpp_looks_for() -> None:
    assert Shard("a/b", 2, 5).sibling(1) == "a/b-00001-of-00005.gguf"


@pytest.mark.parametrize(
    ("path", "draft"),
    [
        ("mtp-Qwen3.6-27B-Q8_0.gguf", True),
        ("MTP-Qwen3.6-27B-Q8_0.gguf", True),
        ("unsloth/Foo-GGUF/MTP/Foo-Q8_0.gguf", True),
        ("EAGLE3-LLaMA3.1-Instruct-8B.gguf", True),
        ("dflash-Qwen3-8B.gguf", True),
        ("DeepSeek-V4-dspark-Q8_0.gguf", True),
        ("GLM-4.5-Air-MTP-Q4_K_M.gguf", False),
        ("smtp/Foo.gguf", False),
        ("Eagle-7B-Q4_K_M.gguf", False),
    ],
)
def test_drafts_are_told_from_whole_models_that_carry_a_head(path: str, draft: bool) -> None:
    assert names.is_draft(path) is draft


@pytest.mark.parametrize(
    "name",
    ["falcon-180b.Q4_K_M.gguf-split-a", "Foo.i1-Q4_K_M.gguf.part1of2", "Foo.gguf.part-b", "Foo.gguf-part-a"],
)
def test_raw_pieces_are_known(name: str) -> None:
    assert names.is_raw_piece(name)


@pytest.mark.parametrize("name", ["Foo.gguf.sha256", "Foo.gguf.metadata", "part1of2.txt", "Foo.gguf"])
def test_other_files_beside_models_are_no_raw_pieces(name: str) -> None:
    assert not names.is_raw_piece(name)


@pytest.mark.parametrize(
    ("path", "likeness"),
    [
        ("x/mmproj-google_gemma-3-4b-it-f16.gguf", "googlegemma34bit"),
        ("x/google_gemma-3-4b-it-Q4_K_M.gguf", "googlegemma34bit"),
        ("x/Foo-7B.mmproj-Q8_0.gguf", "foo7b"),
        ("x/mmproj-F16.gguf", ""),
        ("x/mmproj-model-f16.gguf", ""),
    ],
)
def test_likeness_leaves_what_says_which_model_it_is(path: str, likeness: str) -> None:
    assert names.likeness(path) == likeness


@pytest.mark.parametrize(
    "name", ["a b.gguf", 'it\'s "x".gguf', "#1.gguf", "模型.gguf", "a\u00a0b.gguf", "$H.gguf", "a{b}.gguf"]
)
def test_odd_names_that_can_be_quoted_are_usable(name: str) -> None:
    assert names.unusable(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("${x}.gguf", "its name holds ${, which llama-swap takes for a macro: rename it"),
        ("a\udcff.gguf", "its name is not UTF-8: rename it"),
        (
            "a\nb.gguf",
            "its name holds a line break or another character that can't be written in a config: rename it",
        ),
        (
            "a\u2028b.gguf",
            "its name holds a line break or another character that can't be written in a config: rename it",
        ),
    ],
)
def test_names_that_no_config_could_hold_are_refused(name: str, reason: str) -> None:
    assert names.unusable(name) == reason


def test_refused_names_are_shown_on_one_line() -> None:
    assert names.shown("a\nb\udcff.gguf") == "a\\nb\\udcff.gguf"
