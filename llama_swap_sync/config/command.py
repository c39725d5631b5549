"""The command of a new entry: what llama-server needs for this kind of model, one argument a line."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from llama_swap_sync.library.model import Kind
from llama_swap_sync.settings import DEFAULT_LLAMA_ARGS

if TYPE_CHECKING:
    from llama_swap_sync.library.model import Model
    from llama_swap_sync.settings import Settings

EMBEDDING_CONTEXT = 8192
"""Longest context of an embedding or reranking entry. Its whole input must fit one physical batch (`-ub`),
and that batch's buffers grow with it: 32,768 tokens at once keep a model that was trained for them from
starting."""

_CONTEXT = ("-c", "--ctx-size")
_BATCHES = ("-b", "--batch-size", "-ub", "--ubatch-size")
_SAMPLING = re.compile(
    r"--(temp(erature)?|top-[kp]|min-p|top-n-sigma|xtc-.+|typical(-p)?|repeat-.+|presence-penalty|frequency-penalty"
    r"|dry-.+|dynatemp-.+|mirostat(-.+)?|samplers|sampl(er|ing)-seq|seed)(=.*)?|-s"
)


def text(model: Model, settings: Settings) -> str:
    """The command as llama-swap splits it: POSIX quoting, a line for each option; ends with a line break."""
    lines = [
        [settings.server],
        ["-m", posixpath.join(settings.models_mount, model.path)],
        *(
            [["--mmproj", posixpath.join(settings.models_mount, model.projector.path)]]
            if model.projector
            else []
        ),
        *([[flag]] if (flag := _kind_flag(model)) else []),
        ["--port", "${PORT}"],
        [
            "--host",
            "127.0.0.1",
        ],  # llama-swap asks over localhost; nobody else should reach the server directly
        *_options(model, settings),
    ]
    return "".join(" ".join(_quoted(word) for word in line) + "\n" for line in lines)


def context_length(model: Model, settings: Settings) -> int | None:
    """The context that the command gives the model, else the one that it was trained for; None: unknown."""
    given = _value_of(_options(model, settings), _CONTEXT)
    trained = model.context_length
    if not given:
        return trained
    return min(given, trained) if trained else given


def _options(model: Model, settings: Settings) -> list[list[str]]:
    options = list(_grouped(settings.llama_args or ()))
    if model.kind is not Kind.CHAT:
        return _embedding_options(model, options)
    if _is_default(settings) and model.context_length:
        return [_capped(option, model.context_length) for option in options]
    return options


def _embedding_options(model: Model, options: list[list[str]]) -> list[list[str]]:
    """No sampling; context and batches of one size, so that a text as long as the context fits one batch."""
    rest = [option for option in options if not _SAMPLING.fullmatch(option[0])]
    if not model.context_length:
        return rest
    asked = _value_of(options, _CONTEXT) or 0
    context = str(min(model.context_length, max(asked, EMBEDDING_CONTEXT)))
    rest = [option for option in rest if option[0] not in (*_CONTEXT, *_BATCHES)]
    return [*rest, ["-c", context], ["-b", context], ["-ub", context]]


def _kind_flag(model: Model) -> str | None:
    return {Kind.EMBEDDING: "--embeddings", Kind.RERANKER: "--reranking"}.get(model.kind)


def _is_default(settings: Settings) -> bool:
    return settings.llama_args == DEFAULT_LLAMA_ARGS


def _grouped(words: Sequence[str]) -> Iterator[list[str]]:
    """Options with their values. A number is a value, also a negative one."""
    option: list[str] = []
    for word in words:
        if option and word.startswith("-") and not _is_number(word):
            yield option
            option = []
        option.append(word)
    if option:
        yield option


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _capped(option: list[str], longest: int) -> list[str]:
    if option[0] in _CONTEXT and len(option) > 1 and option[1].isdecimal() and int(option[1]) > longest:
        return [option[0], str(longest)]
    return option


def _value_of(options: Iterable[list[str]], names: tuple[str, ...]) -> int | None:
    """An option's number, the last one given winning; None when it is missing or no number."""
    found = None
    for option in options:
        name, _, joined = option[0].partition("=")
        value = joined or (option[1] if len(option) > 1 else "")
        if name in names and value.isdecimal():
            found = int(value)
    return found


def _quoted(word: str) -> str:
    """Quoted where a shell would need it; `${…}` alone is a macro of llama-swap, quoted or not."""
    return word if word == "${PORT}" else shlex.quote(word)
