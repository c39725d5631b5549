"""The library as publishers lay it out: what is a model, what goes with it, what is left out and why."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from llama_swap_sync.library.cache import Headers
from llama_swap_sync.library.model import Kind, Library, Model, Projector
from llama_swap_sync.library.models import understand
from llama_swap_sync.library.scan import look
from tests.gguf_bytes import ONE_TENSOR, file_bytes, lay, model_bytes, projector_bytes, shard_bytes
from tests.gguf_files import write_chat_model, write_projector, write_sharded_chat_model

TEXT = model_bytes()


def library_of(root: Path) -> Library:
    return understand(root, look(root), Headers())


def models_of(root: Path) -> dict[str, Model]:
    return {model.path: model for model in library_of(root).models}


def projectors_of(root: Path) -> dict[str, str | None]:
    return {
        path: model.projector.path if model.projector else None for path, model in models_of(root).items()
    }


def left_out_of(root: Path) -> dict[str, tuple[str, str, bool]]:
    return {item.path: (item.state, item.reason, item.quiet) for item in library_of(root).left_out}


def test_chat_model_is_described_by_its_header_and_name(tmp_path: Path) -> None:
    write_chat_model(tmp_path / "owner" / "Tiny-Q4_K_M.gguf", name="Tiny One", context=2048)
    assert library_of(tmp_path).models == (
        Model(
            path="owner/Tiny-Q4_K_M.gguf",
            files=("owner/Tiny-Q4_K_M.gguf",),
            size=(tmp_path / "owner" / "Tiny-Q4_K_M.gguf").stat().st_size,
            kind=Kind.CHAT,
            architecture="llama",
            name="Tiny One",
            quantisation="Q4_K_M",
            context_length=2048,
            embedding_length=32,
            projector=None,
        ),
    )


def test_quantisation_falls_back_on_the_header(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"a.gguf": model_bytes(general__file_type=15), "b.gguf": model_bytes(general__file_type=1024)},
    )
    assert [model.quantisation for model in models_of(tmp_path).values()] == ["Q4_K_M", ""]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (model_bytes("llama"), Kind.CHAT),
        (model_bytes("an-architecture-of-tomorrow"), Kind.CHAT),
        (model_bytes("qwen3", qwen3__pooling_type=0), Kind.CHAT),
        (model_bytes("qwen3", qwen3__pooling_type=3), Kind.EMBEDDING),
        (model_bytes("gemma-embedding", **{"gemma-embedding__pooling_type": 1}), Kind.EMBEDDING),
        (model_bytes("nomic-bert-moe"), Kind.EMBEDDING),
        (model_bytes("bert", bert__pooling_type=2), Kind.EMBEDDING),
        (model_bytes("bert", bert__pooling_type=4), Kind.RERANKER),
        (model_bytes("qwen3", qwen3__pooling_type=4), Kind.RERANKER),
    ],
    ids=range(9),
)
def test_kind_follows_pooling_and_architecture(tmp_path: Path, data: bytes, kind: Kind) -> None:
    lay(tmp_path, {"a.gguf": data, "mmproj.gguf": projector_bytes()})
    model = models_of(tmp_path)["a.gguf"]
    assert model.kind is kind
    assert (model.projector is not None) == (kind is Kind.CHAT)


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("MTP/a.gguf", TEXT, "a draft for speculative decoding, no model of its own"),
        ("mtp-a.gguf", b"<html>", "a draft for speculative decoding, no model of its own"),
        ("a.gguf", model_bytes("eagle3"), "a draft for speculative decoding, no model of its own"),
        (
            "lora.gguf",
            model_bytes(general__type="adapter"),
            "an adapter (LoRA), which is loaded beside a model",
        ),
        (
            "imatrix.gguf",
            file_bytes({"general.type": "imatrix"}),
            "an importance matrix, which is for quantising",
        ),
        ("v.gguf", model_bytes("controlvector"), "a control vector, which is loaded beside a model"),
        (
            "flux1-dev-Q4_0.gguf",
            model_bytes("flux"),
            "a model for pictures or video, which llama-server can't load",
        ),
        ("wan.gguf", model_bytes("wan"), "a model for pictures or video, which llama-server can't load"),
        ("w.gguf", model_bytes("whisper"), "a model for sound, which llama-server can't load"),
        (
            "ggml-vocab-llama.gguf",
            file_bytes({"general.architecture": "llama"}, []),
            "a vocabulary without a model",
        ),
    ],
    ids=range(10),
)
def test_what_is_no_model_is_left_out_without_noise(
    tmp_path: Path, path: str, data: bytes, reason: str
) -> None:
    lay(tmp_path, {path: data})
    assert library_of(tmp_path).models == ()
    assert left_out_of(tmp_path) == {path: ("left out", reason, True)}


def test_model_cut_off_in_its_data_is_incomplete_until_its_last_byte(tmp_path: Path) -> None:
    whole = model_bytes()
    for missing in (1, 100, 256):
        lay(tmp_path, {"a.gguf": whole[:-missing]})
        reason = f"not whole: its header promises {len(whole)} bytes (still being copied, or cut off)"
        assert left_out_of(tmp_path) == {"a.gguf": ("incomplete", reason, False)}
    lay(tmp_path, {"a.gguf": whole})
    assert list(models_of(tmp_path)) == ["a.gguf"]


def test_reason_of_a_growing_file_stays_the_same(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": model_bytes()[:-200]})
    before = library_of(tmp_path).left_out
    lay(tmp_path, {"a.gguf": model_bytes()[:-100]})
    assert library_of(tmp_path).left_out == before


def test_broken_file_is_refused_and_the_others_are_models(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": b"<html>not found</html>", "b.gguf": TEXT})
    assert list(models_of(tmp_path)) == ["b.gguf"]
    reason = "a web page, not a model: the download was refused or needs a login"
    assert left_out_of(tmp_path) == {"a.gguf": ("refused", reason, False)}


def test_file_without_an_architecture_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": file_bytes({"general.name": "x"})})
    assert left_out_of(tmp_path) == {"a.gguf": ("refused", "its header names no architecture", False)}


@pytest.mark.skipif(sys.byteorder == "big", reason="there it is the other way round")
def test_file_of_the_other_byte_order_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": file_bytes({"general.architecture": "llama"}, order=">")})
    reason = "big-endian, which llama-server on this machine can't load"
    assert left_out_of(tmp_path) == {"a.gguf": ("refused", reason, False)}


def shards(prefix: str, count: int, *, without: tuple[int, ...] = ()) -> dict[str, bytes]:
    return {
        f"{prefix}-{number:05d}-of-{count:05d}.gguf": shard_bytes(number, count)
        for number in range(1, count + 1)
        if number not in without
    }


def test_shards_are_one_model_named_by_the_first(tmp_path: Path) -> None:
    paths = write_sharded_chat_model(tmp_path / "UD-Q4_K_XL" / "Big", context=512)
    (model,) = library_of(tmp_path).models
    assert model.path == "UD-Q4_K_XL/Big-00001-of-00003.gguf"
    assert model.files == tuple(f"UD-Q4_K_XL/{path.name}" for path in paths)
    assert model.size == sum(path.stat().st_size for path in paths)
    assert (model.quantisation, model.context_length) == ("UD-Q4_K_XL", 512)


@pytest.mark.parametrize(
    ("count", "without", "reason"),
    [
        (2, (2,), "shard 2 of 2 is missing"),
        (5, (1, 4), "shards 1, 4 of 5 are missing"),
        (9, tuple(range(2, 10)), "shards 2, 3, 4, 5, 6 and 3 more of 9 are missing"),
    ],
)
def test_missing_shards_are_named_once_for_the_set(
    tmp_path: Path, count: int, without: tuple[int, ...], reason: str
) -> None:
    lay(tmp_path, shards("Big", count, without=without))
    assert left_out_of(tmp_path) == {f"Big-00001-of-{count:05d}.gguf": ("incomplete", reason, False)}
    assert library_of(tmp_path).models == ()


def test_set_with_a_shard_still_arriving_is_incomplete(tmp_path: Path) -> None:
    lay(tmp_path, shards("Big", 3) | {"Big-00002-of-00003.gguf": shard_bytes(2, 3)[:-5]})
    state, reason, _ = left_out_of(tmp_path)["Big-00001-of-00003.gguf"]
    assert state == "incomplete"
    assert reason.startswith("shard 2 of 3: not whole: its header promises ")


def test_files_named_as_shards_that_are_none_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, {"a-00001-of-00002.gguf": shard_bytes(1, 2), "a-00002-of-00002.gguf": TEXT})
    reason = "shard 2 of 2 by its name is no shard at all by its header"
    assert left_out_of(tmp_path) == {"a-00001-of-00002.gguf": ("refused", reason, False)}


def test_renamed_shard_is_refused_because_llama_server_goes_by_names(tmp_path: Path) -> None:
    lay(tmp_path, {"renamed.gguf": shard_bytes(1, 2)})
    reason = (
        "shard 1 of 2 by its header, but not by its name: llama-server wants it to end in"
        " -00001-of-00002.gguf"
    )
    assert left_out_of(tmp_path) == {"renamed.gguf": ("refused", reason, False)}


def test_shards_in_capitals_are_refused_because_llama_server_looks_for_small_letters(tmp_path: Path) -> None:
    lay(tmp_path, {path.replace("gguf", "GGUF"): data for path, data in shards("a", 2).items()})
    reason = "llama-server looks for a-00001-of-00002.gguf: rename a-00001-of-00002.GGUF"
    assert left_out_of(tmp_path) == {"a-00001-of-00002.gguf": ("refused", reason, False)}


def test_projector_beside_its_model_is_paired_and_no_model(tmp_path: Path) -> None:
    write_chat_model(tmp_path / "a" / "Tiny-Q8_0.gguf")
    write_projector(tmp_path / "a" / "mmproj-Tiny-F16.gguf")
    (model,) = library_of(tmp_path).models
    assert model.projector is not None
    assert model.projector == Projector("a/mmproj-Tiny-F16.gguf", frozenset({"image"}))
    assert left_out_of(tmp_path) == {
        "a/mmproj-Tiny-F16.gguf": ("left out", "a projector, for models beside or below it", True)
    }


LAYOUTS: dict[str, tuple[Mapping[str, bytes], Mapping[str, str | None]]] = {
    "two widths beside one projector": (
        {
            "a-7B-Q4_0.gguf": model_bytes(width=64),
            "b-70B-Q4_0.gguf": model_bytes(width=128),
            "mmproj-a.gguf": projector_bytes(128),
        },
        {"a-7B-Q4_0.gguf": None, "b-70B-Q4_0.gguf": "mmproj-a.gguf"},
    ),
    "unsloth: projectors above folders of shards": (
        {
            **shards("Foo-GGUF/UD-Q4_K_XL/Foo-UD-Q4_K_XL", 2),
            "Foo-GGUF/Foo-Q8_0.gguf": TEXT,
            "Foo-GGUF/mmproj-BF16.gguf": projector_bytes(),
            "Foo-GGUF/mmproj-F16.gguf": projector_bytes(),
            "Foo-GGUF/mmproj-F32.gguf": projector_bytes(),
            "Foo-GGUF/MTP/Foo-Q8_0.gguf": TEXT,
        },
        {
            "Foo-GGUF/UD-Q4_K_XL/Foo-UD-Q4_K_XL-00001-of-00002.gguf": "Foo-GGUF/mmproj-F16.gguf",
            "Foo-GGUF/Foo-Q8_0.gguf": "Foo-GGUF/mmproj-F16.gguf",
        },
    ),
    "one folder for everything: the name decides": (
        {
            "gemma-3-4b-it-Q4_K_M.gguf": TEXT,
            "Qwen2.5-VL-3B-Q4_K_M.gguf": TEXT,
            "mmproj-gemma-3-4b-it-f16.gguf": projector_bytes(),
            "mmproj-Qwen2.5-VL-3B-f16.gguf": projector_bytes(),
        },
        {
            "gemma-3-4b-it-Q4_K_M.gguf": "mmproj-gemma-3-4b-it-f16.gguf",
            "Qwen2.5-VL-3B-Q4_K_M.gguf": "mmproj-Qwen2.5-VL-3B-f16.gguf",
        },
    ),
    "one folder for everything: a named projector is nobody else's who is as wide": (
        {
            "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf": TEXT,
            "Qwen2.5-VL-7B-Instruct-abliterated.Q4_K_M.gguf": TEXT,
            "Qwen2.5-7B-Instruct-Q4_K_M.gguf": TEXT,
            "acme/Mistral-7B-Q8_0.gguf": TEXT,
            "mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf": projector_bytes(),
        },
        {
            "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf": "mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf",
            "Qwen2.5-VL-7B-Instruct-abliterated.Q4_K_M.gguf": "mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf",
            "Qwen2.5-7B-Instruct-Q4_K_M.gguf": None,
            "acme/Mistral-7B-Q8_0.gguf": None,
        },
    ),
    "a projector named after a model that was renamed, or is too wide for it, goes by width": (
        {
            "one/vision.gguf": TEXT,
            "one/mmproj-gemma-3-4b-it-f16.gguf": projector_bytes(),
            "two/gemma-3-4b-it.gguf": model_bytes(width=128),
            "two/vision.gguf": TEXT,
            "two/mmproj-gemma-3-4b-it-f16.gguf": projector_bytes(),
        },
        {
            "one/vision.gguf": "one/mmproj-gemma-3-4b-it-f16.gguf",
            "two/gemma-3-4b-it.gguf": None,
            "two/vision.gguf": "two/mmproj-gemma-3-4b-it-f16.gguf",
        },
    ),
    "mradermacher: the projector's mark in the middle": (
        {
            "x/Foo.i1-Q4_K_M.gguf": TEXT,
            "x/Foo.mmproj-Q8_0.gguf": projector_bytes(),
            "x/Foo.mmproj-f16.gguf": projector_bytes(),
        },
        {"x/Foo.i1-Q4_K_M.gguf": "x/Foo.mmproj-f16.gguf"},
    ),
    "LM Studio: a folder for each repository, and a nearer one wins": (
        {
            "p/one/one-Q4_K_M.gguf": TEXT,
            "p/one/mmproj-model-f16.gguf": projector_bytes(),
            "p/mmproj-p.gguf": projector_bytes(),
            "p/two/two-Q4_K_M.gguf": TEXT,
        },
        {"p/one/one-Q4_K_M.gguf": "p/one/mmproj-model-f16.gguf", "p/two/two-Q4_K_M.gguf": "p/mmproj-p.gguf"},
    ),
    "a projector in a neighbour's folder is nobody else's": (
        {"a/a.gguf": TEXT, "b/mmproj.gguf": projector_bytes()},
        {"a/a.gguf": None},
    ),
    "no width stated: its folder or its name": (
        {
            "repo/Foo.gguf": TEXT,
            "repo/mmproj-model-f16.gguf": projector_bytes(None),
            "Minicpm-2.gguf": TEXT,
            "Minicpm-mmproj.gguf": projector_bytes(None),
            "Other.gguf": TEXT,
            "mmproj.gguf": projector_bytes(None),
        },
        {
            "repo/Foo.gguf": "repo/mmproj-model-f16.gguf",
            "Minicpm-2.gguf": "Minicpm-mmproj.gguf",
            "Other.gguf": None,
        },
    ),
    "both widths of a projector for sound and pictures must fit": (
        {"a.gguf": TEXT, "mmproj-a.gguf": projector_bytes(64, clip__audio__projection_dim=128)},
        {"a.gguf": None},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_model_gets_the_projector_that_fits(tmp_path: Path, layout: str) -> None:
    files, pairs = LAYOUTS[layout]
    assert projectors_of(lay(tmp_path, files)) == pairs


def test_projector_that_fits_nothing_near_it_is_named(tmp_path: Path) -> None:
    lay(tmp_path, {"a/b/c.gguf": TEXT, "a/mmproj.gguf": projector_bytes(4096)})
    reason = "a projector for models 4096 wide, and none of the models beside or below it is"
    assert left_out_of(tmp_path) == {"a/mmproj.gguf": ("left out", reason, False)}


def test_projector_by_type_or_name_alone_is_no_model(tmp_path: Path) -> None:
    lay(tmp_path, {"mmproj-a.gguf": TEXT, "b.gguf": model_bytes("x", general__type="mmproj")})
    assert library_of(tmp_path).models == ()


def test_projector_still_arriving_is_incomplete_and_not_used(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": TEXT, "mmproj-a.gguf": projector_bytes()[:-1]})
    assert projectors_of(tmp_path) == {"a.gguf": None}
    assert left_out_of(tmp_path)["mmproj-a.gguf"][0] == "incomplete"


def test_one_file_is_one_model_however_many_links_lead_to_it(tmp_path: Path) -> None:
    lay(tmp_path, {"deep/real/a.gguf": TEXT})
    (tmp_path / "a-link.gguf").symlink_to("deep/real/a.gguf")
    os.link(tmp_path / "deep" / "real" / "a.gguf", tmp_path / "deep" / "hard.gguf")
    (model,) = library_of(tmp_path).models
    assert (model.path, model.other_paths) == ("deep/hard.gguf", ("deep/real/a.gguf", "a-link.gguf"))


def test_three_snapshots_of_the_hubs_cache_are_one_model_with_its_projector(tmp_path: Path) -> None:
    repo = "models--owner--repo"
    blobs = {"1": shard_bytes(1, 2), "2": shard_bytes(2, 2), "3": projector_bytes()}
    lay(tmp_path / repo / "blobs", blobs)
    names = {"1": "m-00001-of-00002.gguf", "2": "m-00002-of-00002.gguf", "3": "mmproj-F16.gguf"}
    for snapshot, held in {"aaa": "12", "bbb": "123", "ccc": "12"}.items():
        folder = tmp_path / repo / "snapshots" / snapshot
        folder.mkdir(parents=True)
        for blob in held:
            (folder / names[blob]).symlink_to(f"../../blobs/{blob}")
    (model,) = library_of(tmp_path).models
    assert model.path == f"{repo}/snapshots/aaa/m-00001-of-00002.gguf"
    assert model.other_paths == tuple(
        f"{repo}/snapshots/{snapshot}/m-00001-of-00002.gguf" for snapshot in ("bbb", "ccc")
    )
    assert model.projector is not None
    assert model.projector.path == f"{repo}/snapshots/bbb/mmproj-F16.gguf"


def test_equal_copies_are_two_models(tmp_path: Path) -> None:
    lay(tmp_path, {"a.gguf": TEXT, "b.gguf": TEXT})
    assert list(models_of(tmp_path)) == ["a.gguf", "b.gguf"]


def test_problem_of_the_look_is_the_librarys(tmp_path: Path) -> None:
    library = library_of(tmp_path / "missing")
    assert library.models == ()
    assert library.problem is not None
    assert "is missing" in library.problem


def test_the_same_look_gives_the_same_library(tmp_path: Path) -> None:
    lay(tmp_path, dict(LAYOUTS["unsloth: projectors above folders of shards"][0]) | {"x.gguf": b"junk"})
    assert library_of(tmp_path) == library_of(tmp_path)
    assert library_of(tmp_path).left_out == tuple(
        sorted(library_of(tmp_path).left_out, key=lambda item: item.path)
    )


def test_tensors_of_a_type_from_tomorrow_do_not_keep_a_model_out(tmp_path: Path) -> None:
    tensors = [*ONE_TENSOR, ("new", (64,), 200, None)]
    lay(tmp_path, {"a.gguf": file_bytes({"general.architecture": "llama"}, tensors)})
    assert list(models_of(tmp_path)) == ["a.gguf"]
