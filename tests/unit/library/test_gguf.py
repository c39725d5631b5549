"""The header reader: what it says of real files, and that nothing makes it loop, allocate or raise."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama_swap_sync.library.ggml_types import BLOCKS, FILE_TYPES
from llama_swap_sync.library.gguf import read_header
from llama_swap_sync.library.header import Header, Refusal
from llama_swap_sync.library.window import WINDOW
from tests.gguf_bytes import ONE_TENSOR, Value, file_bytes, model_bytes, projector_bytes, text
from tests.gguf_files import (
    write_chat_model,
    write_embedding_model,
    write_projector,
    write_reranker,
    write_sharded_chat_model,
)

CUT_OFF = Refusal("ends within its own header: still being copied, or cut off", incomplete=True)


def read(data: bytes, size: int | None = None) -> Header | Refusal:
    return read_header(
        lambda length, offset: data[offset : offset + length], len(data) if size is None else size
    )


def header_of(data: bytes) -> Header:
    header = read(data)
    assert isinstance(header, Header), header
    return header


def reason_of(data: bytes) -> str:
    refusal = read(data)
    assert isinstance(refusal, Refusal), refusal
    assert not refusal.incomplete
    return refusal.reason


def test_chat_model_of_the_gguf_package_is_read(tmp_path: Path) -> None:
    data = write_chat_model(tmp_path / "chat.gguf", name="A Name", context=2048).read_bytes()
    header = header_of(data)
    assert (header.architecture, header.name, header.file_type) == ("llama", "A Name", 0)
    assert (header.context_length, header.embedding_length, header.pooling_type) == (2048, 32, None)
    assert (header.tensors, header.extent, header.big_endian) == (12, len(data), False)


def test_pooling_types_of_encoders_are_read(tmp_path: Path) -> None:
    embedder = header_of(write_embedding_model(tmp_path / "embed.gguf").read_bytes())
    reranker = header_of(write_reranker(tmp_path / "rank.gguf").read_bytes())
    assert (embedder.pooling_type, reranker.pooling_type) == (1, 4)


def test_numbers_of_shards_are_read(tmp_path: Path) -> None:
    headers = [header_of(path.read_bytes()) for path in write_sharded_chat_model(tmp_path / "set")]
    assert [(header.split_no, header.split_count) for header in headers] == [(0, 3), (1, 3), (2, 3)]


def test_projector_of_the_gguf_package_states_its_width(tmp_path: Path) -> None:
    header = header_of(write_projector(tmp_path / "mmproj.gguf", width=48).read_bytes())
    assert (header.architecture, header.type, header.vision_width) == ("clip", "mmproj", 48)
    assert header.modalities == ("image",)


def test_big_endian_file_of_the_gguf_package_is_read_like_the_little_endian_one(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "big.gguf", "llama", endianess=gguf.GGUFEndian.BIG)
    writer.add_context_length(777)
    writer.add_token_list(["a", "bc", "def"])
    writer.add_tensor("token_embd.weight", np.zeros((4, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = (tmp_path / "big.gguf").read_bytes()
    header = header_of(data)
    assert (header.context_length, header.big_endian, header.extent) == (777, True, len(data))


def test_version_2_is_read_as_version_3() -> None:
    assert header_of(file_bytes({"general.architecture": "llama"}, version=2)).architecture == "llama"


def test_architecture_may_stand_behind_the_keys_under_its_name() -> None:
    header = header_of(file_bytes({"qwen3.context_length": 40960, "general.architecture": "qwen3"}))
    assert header.context_length == 40960


def test_keys_of_another_type_count_as_absent() -> None:
    keys: dict[str, Value] = {
        "general.architecture": 7,
        "general.name": ["a", "b"],
        "general.file_type": "x",
        "split.no": 1.5,
    }
    header = header_of(file_bytes(keys))
    assert (header.architecture, header.name, header.file_type, header.split_no) == ("", "", None, 0)


def test_name_is_one_line_without_control_characters_and_bounded() -> None:
    assert header_of(model_bytes(general__name="One\n two\x1b[31m\u2028  three")).name == "One two [31m three"
    assert len(header_of(model_bytes(general__name="x" * 1_000_000)).name) == 4096


def test_llavas_first_projectors_go_by_their_tensor_and_not_by_clips_own_width() -> None:
    keys: dict[str, Value] = {"general.architecture": "clip", "clip.vision.projection_dim": 768}
    header = header_of(file_bytes(keys, [("mm.2.weight", (64, 4096), 0, None)]))
    assert header.vision_width == 4096


@pytest.mark.parametrize(
    ("more", "modalities"),
    [
        ({}, ("image",)),
        ({"clip__has_audio_encoder": True}, ("audio", "image")),
        ({"clip__has_vision_encoder": False, "clip__has_audio_encoder": True}, ("audio",)),
        ({"clip__has_vision_encoder": False, "clip__audio__projection_dim": 64}, ("audio", "image")),
    ],
)
def test_modalities_are_those_that_the_projector_states(
    more: dict[str, bool | int], modalities: tuple[str, ...]
) -> None:
    assert header_of(projector_bytes(**more)).modalities == modalities


def test_every_cut_of_a_header_is_incomplete_and_no_cut_of_the_data_is_missed() -> None:
    data = model_bytes(tokenizer__ggml__tokens=["one", "two", "three"], general__name="Cut")
    extent = header_of(data).extent
    assert extent == len(data)
    for length in range(len(data)):
        answer = read(data[:length])
        if isinstance(answer, Header):
            assert answer.extent == extent
        else:
            assert answer.incomplete, (length, answer)


def test_tensor_of_unknown_type_counts_with_its_offset() -> None:
    tensors = [("a", (64,), 0, None), ("b", (64,), 999, 256)]
    data = file_bytes({"general.architecture": "llama"}, tensors)
    assert header_of(data).extent == len(data) - 256


def test_vocabulary_over_many_windows_is_passed() -> None:
    tokens = [f"token {number}" * (1 + number % 3) for number in range(60_000)]
    data = model_bytes(tokenizer__ggml__tokens=tokens, general__type="model")
    assert len(data) > 3 * WINDOW
    assert header_of(data).type == "model"


def test_text_longer_than_a_window_is_passed() -> None:
    data = model_bytes(
        tokenizer__chat_template="x" * (2 * WINDOW), a=["y" * (2 * WINDOW), "z"], general__type="model"
    )
    assert header_of(data).type == "model"


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"<!DOCTYPE html><html>", "a web page, not a model: the download was refused or needs a login"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`",
        ),
        (b"lmgg\1\0\0\0", "in GGML's format of before GGUF, which llama-server no longer reads"),
        (b"random bytes of some length", "not a GGUF file, going by its first bytes"),
        (b"GGUF\1\0\0\0" + b"\0" * 16, "in version 1 of GGUF, which llama-server no longer reads"),
        (b"GGUF\7\0\0\0" + b"\0" * 16, "claims version 7 of GGUF: damaged, or newer than this program"),
    ],
)
def test_what_is_no_gguf_file_is_named_for_what_it_is(start: bytes, reason: str) -> None:
    assert reason_of(start) == reason


def test_empty_and_zeroed_files_may_yet_become_models() -> None:
    assert read(b"") == Refusal("empty", incomplete=True)
    zeros = read(b"\0" * 1000)
    assert zeros == Refusal(
        "begins with zeros: nothing has been written there yet, or the disk lost it", incomplete=True
    )


def raw(kind: int, payload: bytes) -> bytes:
    return file_bytes({}, raw=text("key") + struct.pack("<I", kind) + payload, raw_keys=1)


ARCHITECTURE: dict[str, Value] = {"general.architecture": "llama"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**63), f"its header claims {2**63} keys"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**64 - 1, 1), f"its header claims {2**64 - 1} tensors"),
        (raw(8, struct.pack("<Q", 2**64 - 8)), f"a text in its header claims {2**64 - 8} bytes"),
        (raw(9, struct.pack("<IQ", 8, 2**62)), f"an array in its header claims {2**62} texts"),
        (raw(9, struct.pack("<IQ", 5, 2**62)), f"an array in its header claims {2**62} values"),
        (raw(9, struct.pack("<IQ", 9, 1)), "an array in its header holds values of unknown type 9"),
        (raw(99, b""), "its header holds a value of unknown type 99"),
        (
            raw(9, struct.pack("<IQQ", 8, 2, 2**64 - 16)),
            "a text in its header claims more bytes than any text has",
        ),
        (
            file_bytes(ARCHITECTURE | {"general.alignment": 33}),
            "its header asks for an alignment of 33",
        ),
        (file_bytes(ARCHITECTURE | {"general.alignment": 0}), "its header asks for an alignment of 0"),
        (file_bytes(ARCHITECTURE, [*ONE_TENSOR, ("b", (64,), 0, 128)]), "its tensors overlap or leave holes"),
        (file_bytes(ARCHITECTURE, [("a", (64,), 0, 2**63)]), "its tensors overlap or leave holes"),
        (file_bytes(ARCHITECTURE, [("a", (2**62, 2**62), 0, 0)]), f"its tensors claim {2**126} bytes"),
        (
            file_bytes(ARCHITECTURE, [("a", (33,), 2, None)]),
            "a tensor's rows of 33 don't divide into its type's blocks of 32",
        ),
        (
            file_bytes(ARCHITECTURE, [("a", (64,), 31, None)]),
            "its tensors are Q4_0_4_4, which llama.cpp no longer reads: use Q4_0 instead",
        ),
        (file_bytes(ARCHITECTURE, [("a", (1,) * 5, 0, None)]), "a tensor claims 5 dimensions"),
        (file_bytes(ARCHITECTURE, [("a" * 2000, (1,), 0, None)]), "a tensor's name claims 2000 bytes"),
    ],
    ids=range(17),
)
def test_claims_that_no_file_keeps_are_refused_by_name(data: bytes, reason: str) -> None:
    assert reason_of(data) == reason


JUNK = 10_000_000


def _hostile(kind: str) -> bytes:
    start = b"GGUF" + struct.pack("<IQQ", 3, 16_000, 16_000)
    texts = text("a.b") + struct.pack("<IIQ", 9, 8, 3_900_000)
    return {
        "zeros": start + b"\0" * JUNK,
        "random": start + random.Random(5).randbytes(JUNK),
        "empty texts": start + texts + b"\0" * JUNK,
        "texts of one byte": start + texts + (struct.pack("<Q", 1) + b"x") * (JUNK // 9),
        "texts of two bytes": start + texts + (struct.pack("<Q", 2) + b"xx") * (JUNK // 10),
        "small keys": start + (text("k") + struct.pack("<IB", 0, 1)) * (JUNK // 14),
        "many tensors": b"GGUF"
        + struct.pack("<IQQ", 3, 16_384, 0)
        + b"".join(text("t") + struct.pack("<IQIQ", 1, 8, 0, 32 * index) for index in range(16_384)),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "zeros",
        "random",
        "empty texts",
        "texts of one byte",
        "texts of two bytes",
        "small keys",
        "many tensors",
    ],
)
def test_ten_megabytes_of_junk_are_answered_in_little_time_and_memory(kind: str) -> None:
    data = _hostile(kind)
    times = []
    for _ in range(3):
        started = time.process_time()
        read(data)
        times.append(time.process_time() - started)
    tracemalloc.start()
    try:
        answer = read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(answer, Refusal) or answer.extent > len(data)
    assert min(times) < 0.1
    assert peak < 8_000_000


@given(st.binary(max_size=300), st.sampled_from(["<", ">"]))
def test_any_bytes_behind_a_good_start_get_an_answer(junk: bytes, order: str) -> None:
    start = b"GGUF" + struct.pack(f"{order}IQQ", 3, 2, 3)
    answer = read(start + junk)
    assert isinstance(answer, Header) or answer.reason


@given(st.data())
def test_a_good_file_with_some_bytes_changed_gets_an_answer(data: st.DataObject) -> None:
    whole = bytearray(model_bytes(tokenizer__ggml__tokens=["one", "two"], general__name="Name"))
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(4, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    answer = read(bytes(whole))
    assert isinstance(answer, Header) or answer.reason


@given(st.integers(-1, 2**64), st.integers(0, 2000))
def test_a_size_that_lies_gets_an_answer(size: int, length: int) -> None:
    answer = read(model_bytes()[:length], max(size, 0))
    assert isinstance(answer, Header) or answer.reason


def test_block_sizes_are_those_of_the_gguf_package() -> None:
    for kind, sizes in gguf.GGML_QUANT_SIZES.items():
        assert BLOCKS[kind.value] == sizes, kind


def test_names_of_file_types_are_those_of_the_gguf_package() -> None:
    for kind in gguf.LlamaFileType:
        if kind is not gguf.LlamaFileType.GUESSED:
            assert FILE_TYPES[kind.value] == kind.name.removeprefix("MOSTLY_").removeprefix("ALL_"), kind
