"""Tiny GGUF files that a real llama-server loads and answers from, written with the `gguf` package.

Each is one layer, 32 wide, with a vocabulary of single bytes or letters: around 100 kB. What they answer is
letters without meaning, never an end of text: a request ends by its own `max_tokens` or by the context.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH = 32
FEED_FORWARD = 64
HEADS = 4

Tensors = Mapping[str, NDArray[np.float32]]

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def write_chat_model(path: Path, *, name: str = "Tiny", context: int = 2048, width: int = WIDTH) -> Path:
    """A llama of one layer that answers `/v1/chat/completions` in letters, and streams as long as it may."""
    writer = _chat_header(path, name, context, width)
    return _finish(writer, _chat_tensors(width))


def write_sharded_chat_model(prefix: Path, *, name: str = "Tiny", context: int = 2048) -> list[Path]:
    """The same llama as a set `PREFIX-0000k-of-00003.gguf`, cut as llama-gguf-split cuts: header first."""
    tensors = list(_chat_tensors(WIDTH).items())
    parts = [{}, dict(tensors[:5]), dict(tensors[5:])]
    paths = []
    for number, part in enumerate(parts):
        path = prefix.with_name(f"{prefix.name}-{number + 1:05d}-of-{len(parts):05d}.gguf")
        writer = _chat_header(path, name, context, WIDTH) if number == 0 else _writer(path, "llama", None)
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", len(parts))
        writer.add_int32("split.tensors.count", len(tensors))
        paths.append(_finish(writer, part))
    return paths


def write_embedding_model(path: Path, *, name: str = "Tiny embedder", context: int = 128) -> Path:
    """A BERT of one layer with mean pooling: answers `/v1/embeddings` under `--embeddings`."""
    writer = _bert_header(path, name, context, gguf.PoolingType.MEAN)
    return _finish(writer, _bert_tensors(context))


def write_reranker(path: Path, *, name: str = "Tiny reranker", context: int = 128) -> Path:
    """A BERT of one layer with a classifier on top: answers `/v1/rerank` under `--reranking`."""
    writer = _bert_header(path, name, context, gguf.PoolingType.RANK)
    head = {
        "cls.weight": _noise(WIDTH, WIDTH),
        "cls.bias": _noise(WIDTH),
        "cls.output.weight": _noise(1, WIDTH),
        "cls.output.bias": _noise(1),
    }
    return _finish(writer, {**_bert_tensors(context), **head})


def write_projector(path: Path, *, name: str = "Tiny projector", width: int = WIDTH) -> Path:
    """A CLIP tower of one layer with LLaVA's two-layer projector into models `width` wide."""
    writer = _writer(path, "clip", name)
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("mlp")
    writer.add_bool("clip.use_gelu", True)
    writer.add_vision_image_size(28)
    writer.add_vision_patch_size(14)
    writer.add_vision_embedding_length(WIDTH)
    writer.add_vision_feed_forward_length(FEED_FORWARD)
    writer.add_vision_projection_dim(width)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(HEADS)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    return _finish(writer, _clip_tensors(width))


def _writer(path: Path, architecture: str, name: str | None) -> gguf.GGUFWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    if name is not None:
        writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    return writer


def _finish(writer: gguf.GGUFWriter, tensors: Tensors) -> Path:
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert writer.path is not None
    return Path(writer.path)


def _noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape)).normal(0, 0.02, shape).astype(np.float32)


def _flat(value: float, *shape: int) -> NDArray[np.float32]:
    return np.full(shape, value, dtype=np.float32)


def _chat_header(path: Path, name: str, context: int, width: int) -> gguf.GGUFWriter:
    writer = _writer(path, "llama", name)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // HEADS)
    tokens = _byte_tokens()
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    control = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_token_types([*control, *[gguf.TokenType.BYTE] * 256])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)
    return writer


def _byte_tokens() -> list[str]:
    return ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)]]


def _chat_tensors(width: int) -> Tensors:
    """Every token looks nearly alike going in, so that letters win by far whatever was said before."""
    tokens = _byte_tokens()
    output = _flat(-0.5, len(tokens), width)
    output[[tokens.index(f"<0x{ord(letter):02X}>") for letter in string.ascii_lowercase + " "]] = 0.5
    return {
        "token_embd.weight": _flat(1, len(tokens), width) + _noise(len(tokens), width),
        "blk.0.attn_norm.weight": _flat(1, width),
        "blk.0.attn_q.weight": _noise(width, width),
        "blk.0.attn_k.weight": _noise(width, width),
        "blk.0.attn_v.weight": _noise(width, width),
        "blk.0.attn_output.weight": _noise(width, width),
        "blk.0.ffn_norm.weight": _flat(1, width),
        "blk.0.ffn_gate.weight": _noise(FEED_FORWARD, width),
        "blk.0.ffn_up.weight": _noise(FEED_FORWARD, width),
        "blk.0.ffn_down.weight": _noise(width, FEED_FORWARD),
        "output_norm.weight": _flat(1, width),
        "output.weight": output,
    }


def _letter_tokens() -> list[str]:
    """WordPiece as llama.cpp stores it: a word's start carries U+2581, what follows nothing."""
    letters = string.ascii_lowercase + string.digits
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *[f"\u2581{letter}" for letter in letters],
        *letters,
    ]


def _bert_header(path: Path, name: str, context: int, pooling: gguf.PoolingType) -> gguf.GGUFWriter:
    writer = _writer(path, "bert", name)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    tokens = _letter_tokens()
    writer.add_vocab_size(len(tokens))
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 5 + [gguf.TokenType.NORMAL] * (len(tokens) - 5))
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    return writer


def _bert_tensors(context: int) -> Tensors:
    tensors = {
        "token_embd.weight": _noise(len(_letter_tokens()), WIDTH),
        "token_types.weight": _noise(2, WIDTH),
        "position_embd.weight": _noise(context, WIDTH),
        "token_embd_norm.weight": _flat(1, WIDTH),
        "token_embd_norm.bias": _flat(0, WIDTH),
        "blk.0.ffn_up.weight": _noise(FEED_FORWARD, WIDTH),
        "blk.0.ffn_up.bias": _flat(0, FEED_FORWARD),
        "blk.0.ffn_down.weight": _noise(WIDTH, FEED_FORWARD),
        "blk.0.ffn_down.bias": _flat(0, WIDTH),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensors[f"blk.0.{part}.weight"] = _noise(WIDTH, WIDTH)
        tensors[f"blk.0.{part}.bias"] = _flat(0, WIDTH)
    for norm in ("attn_output_norm", "layer_output_norm"):
        tensors[f"blk.0.{norm}.weight"] = _flat(1, WIDTH)
        tensors[f"blk.0.{norm}.bias"] = _flat(0, WIDTH)
    return tensors


def _clip_tensors(width: int) -> Tensors:
    tensors = {
        "v.class_embd": _noise(WIDTH),
        "v.patch_embd.weight": _noise(WIDTH, 3, 14, 14),
        "v.position_embd.weight": _noise(5, WIDTH),
        "v.pre_ln.weight": _flat(1, WIDTH),
        "v.pre_ln.bias": _flat(0, WIDTH),
        "v.blk.0.ffn_up.weight": _noise(FEED_FORWARD, WIDTH),
        "v.blk.0.ffn_up.bias": _flat(0, FEED_FORWARD),
        "v.blk.0.ffn_down.weight": _noise(WIDTH, FEED_FORWARD),
        "v.blk.0.ffn_down.bias": _flat(0, WIDTH),
        "mm.0.weight": _noise(width, WIDTH),
        "mm.0.bias": _flat(0, width),
        "mm.2.weight": _noise(width, width),
        "mm.2.bias": _flat(0, width),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        tensors[f"v.blk.0.{part}.weight"] = _noise(WIDTH, WIDTH)
        tensors[f"v.blk.0.{part}.bias"] = _flat(0, WIDTH)
    for norm in ("ln1", "ln2"):
        tensors[f"v.blk.0.{norm}.weight"] = _flat(1, WIDTH)
        tensors[f"v.blk.0.{norm}.bias"] = _flat(0, WIDTH)
    return tensors
