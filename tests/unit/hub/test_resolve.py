"""A reference and a repository's files -> the files that are meant."""

from __future__ import annotations

import re

import pytest

from llama_swap_sync.hub.listing import HubFile, Listing
from llama_swap_sync.hub.references import parse
from llama_swap_sync.hub.resolve import NoSuchFile, best_projector, select

REPO = "unsloth/Qwen3-GGUF"


def listing(*paths: str) -> Listing:
    """Files of 10 bytes, but a projector's size is the length of its name."""
    return Listing(
        REPO, "c0ffee", tuple(HubFile(path, len(path) if "mmproj" in path else 10) for path in paths)
    )


def chosen(reference: str, *paths: str) -> list[str]:
    return [file.path for file in select(parse(reference), listing(*paths)).files]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("m-Q4_K_M.gguf", "Q4_K_M"),
        ("m.q8_0.gguf", "Q8_0"),
        ("m-UD-IQ2_XXS.gguf", "UD-IQ2_XXS"),
        ("m-ud-q4_k_xl-00001-of-00003.gguf", "UD-Q4_K_XL"),
        ("BF16/m-00001-of-00002.gguf", "BF16"),
        ("Q8_0/m-F16.gguf", "F16"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("bitnet-TQ1_0.gguf", "TQ1_0"),
        ("Qwen3-4B.gguf", ""),
        ("LFM2-1.2B-Exp.gguf", ""),
    ],
)
def test_the_quantisation_is_read_from_the_path(path: str, label: str) -> None:
    assert HubFile(path, 1).label == label


@pytest.mark.parametrize(
    ("asked", "paths", "expected"),
    [
        ("Q4_K_M", ["m-UD-Q4_K_M.gguf", "m-Q4_K_M.gguf"], "m-Q4_K_M.gguf"),
        ("q4_k_m", ["m-UD-Q4_K_M.gguf", "m-Q8_0.gguf"], "m-UD-Q4_K_M.gguf"),
        ("UD-Q4_K_M", ["m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf"], "m-UD-Q4_K_M.gguf"),
        ("Q4_K", ["m-Q4_K_M.gguf", "m-Q4_K.gguf"], "m-Q4_K.gguf"),
        ("F16", ["m-BF16.gguf", "m-F16.gguf"], "m-F16.gguf"),
        ("Q8_0", ["a/m-Q8_0.gguf", "m-Q8_0.gguf"], "m-Q8_0.gguf"),
        ("it", ["m-it-Q8_0.gguf"], "m-it-Q8_0.gguf"),
        ("Q8_0", ["mtp-Q8_0.gguf", "MTP/m-Q8_0.gguf", "mmproj-Q8_0.gguf", "z-Q8_0.gguf"], "z-Q8_0.gguf"),
    ],
)
def test_an_exact_quantisation_wins_over_what_llama_cpp_would_also_take(
    asked: str, paths: list[str], expected: str
) -> None:
    assert chosen(f"{REPO}:{asked}", *paths)[0] == expected


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["m-Q2_K.gguf", "m-Q8_0.gguf", "m-Q4_K_M.gguf"], "m-Q4_K_M.gguf"),
        (["m-Q2_K.gguf", "m-Q8_0.gguf"], "m-Q8_0.gguf"),
        (["m-Q6_K.gguf", "m-Q2_K.gguf"], "m-Q2_K.gguf"),
    ],
)
def test_without_a_quantisation_it_is_q4_k_m_then_q8_0_then_the_first(
    paths: list[str], expected: str
) -> None:
    assert chosen(REPO, *paths) == [expected]


def test_a_shard_set_is_whole_and_in_order_whichever_way_it_is_named() -> None:
    shards = [f"BF16/m-BF16-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    paths = [*reversed(shards), "BF16/other-BF16-00001-of-00002.gguf"]
    assert chosen(f"{REPO}:BF16", *paths) == shards
    assert chosen(f"{REPO}/{shards[1]}", *paths) == shards


def test_a_missing_shard_is_named() -> None:
    with pytest.raises(
        NoSuchFile, match=re.escape(f"{REPO} lacks shard 2 of 3 beside m-Q8_0-00001-of-00003.gguf")
    ):
        chosen(f"{REPO}:Q8_0", "m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf")


def test_an_unknown_quantisation_lists_what_there_is() -> None:
    with pytest.raises(NoSuchFile, match=re.escape(f"{REPO} has no Q3_K_S; it has Q4_K_M, Q8_0, plain.gguf")):
        chosen(f"{REPO}:Q3_K_S", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "plain.gguf", "mmproj-F16.gguf")


def test_an_unknown_path_lists_what_there_is() -> None:
    with pytest.raises(NoSuchFile, match=re.escape(f"{REPO} has no file x.gguf; it has Q8_0")):
        chosen(f"{REPO}/x.gguf", "m-Q8_0.gguf")


def test_a_repository_without_models_says_where_to_look() -> None:
    with pytest.raises(NoSuchFile, match="has no GGUF model; repositories that have usually end in -GGUF"):
        chosen(f"{REPO}:Q8_0", "model.safetensors", "mmproj-F16.gguf")


def test_two_models_of_one_quantisation_are_told() -> None:
    notes = select(parse(f"{REPO}:Q8_0"), listing("a-Q8_0.gguf", "b-Q8_0.gguf")).notes
    assert notes == (
        f"{REPO}:Q8_0 is taken as a-Q8_0.gguf; it could also mean b-Q8_0.gguf:"
        " name the file to get another one",
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"], "mmproj-F16.gguf"),
        (["mmproj-F32.gguf", "mmproj-BF16.gguf"], "mmproj-BF16.gguf"),
        (["mmproj-Q8_0.gguf", "mmproj-larger-Q8_0.gguf"], "mmproj-larger-Q8_0.gguf"),
        (["mmproj-model-Q8_0.gguf", "mmproj-F16.gguf"], "mmproj-model-Q8_0.gguf"),
        (["mmproj-F16.gguf", "deep/mmproj-F32.gguf"], "deep/mmproj-F32.gguf"),
        (["other/mmproj-F16.gguf"], None),
    ],
)
def test_the_best_projector_is_near_then_alike_then_f16_bf16_or_the_largest(
    paths: list[str], expected: str | None
) -> None:
    model = HubFile("deep/model-Q8_0.gguf", 10)
    found = best_projector(model, listing(*paths))
    assert (found.path if found else None) == expected


def test_a_path_brings_that_file_alone_and_a_quantisation_its_projector() -> None:
    assert chosen(f"{REPO}/m-Q8_0.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf") == ["m-Q8_0.gguf"]
    assert chosen(f"{REPO}:Q8_0", "m-Q8_0.gguf", "mmproj-F16.gguf") == ["m-Q8_0.gguf", "mmproj-F16.gguf"]
