"""What one file is by its name and header: a model's file, a projector, or something to leave out."""

from __future__ import annotations

import sys
from typing import Final

from llama_swap_sync.library import names
from llama_swap_sync.library.header import Header, Refusal
from llama_swap_sync.library.model import Kind, LeftOut

# llama.cpp's encoders without a decoder, which answer embeddings even where their header states no pooling.
_ENCODERS: Final = frozenset(
    {
        "bert",
        "nomic-bert",
        "nomic-bert-moe",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "eurobert",
        "t5encoder",
        "gemma-embedding",
        "gemma-embedding2",
        "llama-embed",
    }
)
_POOLED: Final = frozenset({1, 2, 3})  # mean, CLS, last
_RANKED: Final = 4

_PICTURES: Final = "a model for pictures or video, which llama-server can't load"
_SOUND: Final = "a model for sound, which llama-server can't load"
_DRAFT: Final = "a draft for speculative decoding, no model of its own"

# A list of what is *not* served ages better than one of what is: llama.cpp gains text models every week.
# Pictures and video: the architectures that ComfyUI-GGUF's converter and stable-diffusion.cpp's write.
_NO_MODELS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *(
                "flux",
                "flux2",
                "sd1",
                "sd2",
                "sd3",
                "sdxl",
                "aura",
                "hidream",
                "cosmos",
                "ltxv",
                "hyvid",
                "wan",
            ),
            *(
                "lumina2",
                "qwen_image",
                "qwen_image21",
                "chroma",
                "pig",
                "hunyuan_video",
                "z_image",
                "omnigen2",
            ),
            *("ideogram", "krea2", "minimax_h3", "mochi", "pixart", "vae"),
        ),
        _PICTURES,
    ),
    **dict.fromkeys(
        ("whisper", "wavtokenizer-dec", "qwen3tts", "pockettts", "kokoro", "parler-tts", "dia", "ace_step"),
        _SOUND,
    ),
    **dict.fromkeys(("eagle3", "dflash", "dspark", "gemma4-assistant"), _DRAFT),
    "controlvector": "a control vector, which is loaded beside a model",
    "imatrix": "an importance matrix, which is for quantising",
}
_NO_MODEL_TYPES: Final[dict[str, str]] = {
    "adapter": "an adapter (LoRA), which is loaded beside a model",
    "imatrix": "an importance matrix, which is for quantising",
}
_ENDIANNESS: Final = {True: "big", False: "little"}


def kind(header: Header) -> Kind:
    """Which endpoint the model answers."""
    if header.pooling_type == _RANKED:
        return Kind.RERANKER
    if header.pooling_type in _POOLED or header.architecture in _ENCODERS:
        return Kind.EMBEDDING
    return Kind.CHAT


def is_projector(path: str, header: Header | Refusal) -> bool:
    """Whether the file is a projector by header or name; also a broken one, which then is no broken model."""
    if isinstance(header, Refusal):
        return names.is_projector(path)
    return header.architecture == "clip" or header.type == "mmproj" or names.is_projector(path)


def left_out(path: str, header: Header | Refusal, size: int) -> LeftOut | None:
    """Why a file of `size` bytes with this header is no part of a model; None when it is."""
    if names.is_draft(path):
        return LeftOut(path, _DRAFT, "left out", quiet=True)
    if isinstance(header, Refusal):
        return LeftOut(path, header.reason, "incomplete" if header.incomplete else "refused")
    reason = _NO_MODEL_TYPES.get(header.type) or _NO_MODELS.get(header.architecture)
    if reason is not None:
        return LeftOut(path, reason, "left out", quiet=True)
    if not header.tensors and header.split_count < 2:
        return LeftOut(path, "a vocabulary without a model", "left out", quiet=True)
    if not header.architecture and header.split_no == 0:
        return LeftOut(path, "its header names no architecture", "refused")
    return _unfit(path, header, size)


def _unfit(path: str, header: Header, size: int) -> LeftOut | None:
    if header.extent > size:
        reason = f"not whole: its header promises {header.extent} bytes (still being copied, or cut off)"
        return LeftOut(path, reason, "incomplete")
    if header.big_endian != (sys.byteorder == "big"):
        reason = f"{_ENDIANNESS[header.big_endian]}-endian, which llama-server on this machine can't load"
        return LeftOut(path, reason, "refused")
    return None
