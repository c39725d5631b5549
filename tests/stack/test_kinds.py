"""Every kind of file in one box: whole models are answered by a real llama-server, the rest is named."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests import gguf_files
from tests.stack.box import Box, await_condition
from tests.stack.conftest import NewBox

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CHAT = "acme--Chat-GGUF--chat-F32"
SHARDED = "acme--Sharded-GGUF--sharded-F32"
VISION = "acme--Vision-GGUF--vision-F32"
FOREIGN = "acme--Foreign-GGUF--foreign-F32"
EMBEDDING = "acme--Embedding-GGUF--embedding-F32"
RERANKER = "acme--Reranker-GGUF--reranker-F32"
CUT_OFF = "acme--Cut-off-GGUF--cut-off-F32"
PAGE = "acme--Page-GGUF--page-F32"
WHOLE = {CHAT, SHARDED, VISION, FOREIGN, EMBEDDING, RERANKER}

STRANGE = (
    'it\'s a "model" #1.gguf',
    "-m/--help.gguf",
    "C:\\models\\$HOME `id` ;&|.gguf",
    "モデル 模型/é - ü.gguf",
    "UPPER.GGUF",
)
SAMPLING = ("--temp", "--top-p", "--top-k", "--repeat-penalty")


def test_whole_models_are_answered_and_what_is_none_is_named(new_box: NewBox) -> None:
    box = new_box()
    box.start()
    whole = drop_everything(box)

    await_condition(lambda: box.listed() == WHOLE, f"{sorted(WHOLE)} being listed", 120)
    assert set(box.entries()) == WHOLE
    assert_commands(box)
    assert_capabilities(box)
    assert_answers(box)
    assert_left_out_named(box, len(whole))
    assert_completion_is_noticed(box, whole)
    assert_replacement_is_noticed(box)


def test_files_with_strange_names_are_answered(new_box: NewBox) -> None:
    box = new_box()
    for path in STRANGE:
        gguf_files.write_chat_model(box.models / path)
    lay_out_as_hugging_face_caches(box)
    (box.models / "zz-again.gguf").hardlink_to(box.models / STRANGE[0])
    box.start()

    await_condition(lambda: len(box.listed()) == len(STRANGE) + 1, "each file being listed once")
    for name in box.listed():
        assert len(box.chat(name, "Hello", max_tokens=8)) == 8, f"{name} does not answer"


def test_auto_leaves_layers_context_and_sampling_to_llama_server(new_box: NewBox) -> None:
    box = new_box(SYNC_LLAMA_ARGS="auto")
    gguf_files.write_chat_model(file_of(box, CHAT))
    box.start()

    await_condition(lambda: box.listed() == {CHAT}, f"{CHAT} being listed")
    assert words(box, CHAT) == [
        *("/app/llama-server", "-m", "/models/acme/Chat-GGUF/chat-F32.gguf"),
        *("--port", "${PORT}", "--host", "127.0.0.1"),
    ]
    assert len(box.chat(CHAT, "Hello", max_tokens=16)) == 16, "the tiny model answers a letter a token"


def test_an_open_quote_in_the_arguments_ends_the_start_with_the_line(new_box: NewBox) -> None:
    box = new_box(sound=False)
    box.configure(SYNC_LLAMA_ARGS="--chat-template 'a b")

    done = box.compose("up", "--detach")

    assert done.returncode != 0
    assert box.state("sync-init")["ExitCode"] == 1
    assert box.logs("sync-init") == (
        "llama-swap-sync: SYNC_LLAMA_ARGS=--chat-template 'a b can't be split into arguments"
        " (No closing quotation); close every quote as a shell would.\n"
    )
    assert not box.config.exists()


def file_of(box: Box, name: str) -> Path:
    return box.models / f"{name.replace('--', '/')}.gguf"


def words(box: Box, name: str) -> list[str]:
    return str(box.entries()[name]["cmd"]).split()


def drop_everything(box: Box) -> bytes:
    """Six whole models, beside them what people have lying about; the whole of the one that is cut off."""
    gguf_files.write_chat_model(file_of(box, CHAT))
    gguf_files.write_sharded_chat_model(file_of(box, SHARDED).with_suffix(""))
    gguf_files.write_chat_model(file_of(box, VISION))
    gguf_files.write_projector(file_of(box, VISION).with_name("mmproj-vision-F16.gguf"))
    gguf_files.write_chat_model(file_of(box, FOREIGN))
    gguf_files.write_projector(file_of(box, FOREIGN).with_name("mmproj-foreign-F16.gguf"), width=64)
    gguf_files.write_embedding_model(file_of(box, EMBEDDING))
    gguf_files.write_reranker(file_of(box, RERANKER))
    shards = gguf_files.write_sharded_chat_model(
        file_of(box, "acme--Lacking-GGUF--lacking-F32").with_suffix("")
    )
    shards[1].unlink()
    whole = gguf_files.write_chat_model(box.folder / "whole.gguf").read_bytes()
    for name, data in ((CUT_OFF, whole[: len(whole) // 2]), (PAGE, b"<!DOCTYPE html><title>Sign in</title>")):
        file_of(box, name).parent.mkdir(parents=True)
        file_of(box, name).write_bytes(data)
    return whole


def lay_out_as_hugging_face_caches(box: Box) -> None:
    """One blob that three snapshots link to."""
    folder = box.models / "models--acme--Cached-GGUF"
    blob = gguf_files.write_chat_model(folder / "blobs" / "0a1b2c")
    for revision in ("111", "222", "333"):
        link = folder / "snapshots" / revision / "cached-F32.gguf"
        link.parent.mkdir(parents=True)
        link.symlink_to(f"../../blobs/{blob.name}")


def assert_commands(box: Box) -> None:
    assert words(box, CHAT)[:3] == ["/app/llama-server", "-m", "/models/acme/Chat-GGUF/chat-F32.gguf"]
    assert words(box, SHARDED)[2] == "/models/acme/Sharded-GGUF/sharded-F32-00001-of-00003.gguf"
    assert "--mmproj /models/acme/Vision-GGUF/mmproj-vision-F16.gguf" in " ".join(words(box, VISION))
    for name in WHOLE - {VISION}:
        assert "--mmproj" not in words(box, name), (
            "a projector that is not its own keeps a model from starting"
        )
    for name, flag in ((EMBEDDING, "--embeddings"), (RERANKER, "--reranking")):
        command = words(box, name)
        assert flag in command
        assert command[-6:] == ["-c", "128", "-b", "128", "-ub", "128"]
        assert not set(SAMPLING) & set(command)
    for name in WHOLE - {EMBEDDING, RERANKER}:
        assert not {"--embeddings", "--reranking"} & set(words(box, name))
        assert words(box, name)[words(box, name).index("-c") + 1] == "2048", "the trained length is the most"


def assert_capabilities(box: Box) -> None:
    text: dict[str, Any] = {"in": ["text"], "out": ["text"], "context": 2048}
    assert {name: entry["capabilities"] for name, entry in box.entries().items()} == {
        CHAT: text,
        SHARDED: text,
        FOREIGN: text,
        VISION: {**text, "in": ["text", "image"]},
        EMBEDDING: {"in": ["text"], "context": 128},
        RERANKER: {"in": ["text"], "reranker": True, "context": 128},
    }


def assert_answers(box: Box) -> None:
    for name in (CHAT, SHARDED, FOREIGN):
        assert len(box.chat(name, "Hello", max_tokens=16)) == 16, "the tiny model answers a letter a token"
    assert len(describe(box, VISION)) == 16
    embedded = box.post("/v1/embeddings", {"model": EMBEDDING, "input": ["a b c", "x y"]})["data"]
    assert [len(each["embedding"]) for each in embedded] == [gguf_files.WIDTH] * 2
    documents = ["a b", "c d", "e f"]
    ranked = box.post("/v1/rerank", {"model": RERANKER, "query": "a", "documents": documents})["results"]
    assert sorted(each["index"] for each in ranked) == [0, 1, 2]


def describe(box: Box, model: str) -> str:
    """What `model` answers about a small grey picture."""
    url = f"data:image/png;base64,{base64.b64encode(grey_png(28)).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is this?"}]
    body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 16}
    answer = box.post("/v1/chat/completions", {**body, "temperature": 0})
    return str(answer["choices"][0]["message"]["content"])


def grey_png(size: int) -> bytes:
    """A PNG of `size` by `size` pixels, all of one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x80\x80\x80" * size) * size
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def assert_left_out_named(box: Box, size: int) -> None:
    log = box.logs("sync")
    for line in (
        "acme/Lacking-GGUF/lacking-F32-00001-of-00003.gguf: shard 2 of 3 is missing.",
        "acme/Cut-off-GGUF/cut-off-F32.gguf: not whole: its header promises "
        f"{size} bytes (still being copied, or cut off).",
        "acme/Page-GGUF/page-F32.gguf: a web page, not a model: the download was refused or needs a login.",
        "acme/Foreign-GGUF/mmproj-foreign-F16.gguf: a projector for models 64 wide, and none of the models"
        " beside or below it is.",
    ):
        assert log.count(f"Left out: {line}") == 1, f"once, not at every look: {line}\n{log}"
    assert "mmproj-vision" not in log, "a projector in use is nothing to read about"


def assert_completion_is_noticed(box: Box, whole: bytes) -> None:
    file = file_of(box, CUT_OFF)
    with file.open("ab") as end:
        end.write(whole[file.stat().st_size :])
    await_condition(lambda: box.listed() == WHOLE | {CUT_OFF}, f"{CUT_OFF} being listed")
    assert len(box.chat(CUT_OFF, "Hello", max_tokens=16)) == 16


def assert_replacement_is_noticed(box: Box) -> None:
    """Both ways: what was no model becomes one, and a served one that no longer is one is named."""
    page = file_of(box, PAGE).read_bytes()
    file_of(box, PAGE).write_bytes(file_of(box, CHAT).read_bytes())
    await_condition(lambda: box.listed() == WHOLE | {CUT_OFF, PAGE}, f"{PAGE} being listed")
    assert len(box.chat(PAGE, "Hello", max_tokens=16)) == 16

    file_of(box, CUT_OFF).write_bytes(page)
    told = "Left out: acme/Cut-off-GGUF/cut-off-F32.gguf: a web page, not a model"
    await_condition(lambda: told in box.logs("sync"), "the web page in a model's place being named")
    assert CUT_OFF in box.entries(), "an entry goes when its file does, not when its file is broken"
