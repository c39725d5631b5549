"""What a command says, read as llama-swap reads it: no comment lines, joined continuations, POSIX words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

_CONTINUATION = re.compile(r"\\[ \t]*$")
_DRIVE = re.compile(r"""(?:-[\w-]+=)?['"]?[a-z]:\\""", re.IGNORECASE)
_BACKSLASHED = re.compile(r"[^/]*\\[a-z0-9][^/\\]*\.(?:gguf|exe)['\"]?", re.IGNORECASE | re.DOTALL)
"""A Windows path without its drive. Beside a `/` a backslash is part of a file's name."""
_WORD = re.compile(
    r"""(?: [^\s'"\\]+ | '[^']*(?:'|\Z) | "(?:[^"\\]|\\.)*(?:"|\Z) | \\. | \\\Z )+""",
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(r"""[^'"\\]+|'([^']*)(?:'|\Z)|"((?:[^"\\]|\\.)*)(?:"|\Z)|\\(.?)""", re.DOTALL)
_IN_DOUBLE_QUOTES = re.compile(r'\\(?:\n|([$`"\\]))')
_SHELL_STRING = re.compile(r"-[a-z]*c|/c", re.IGNORECASE)
_CONTAINERS = frozenset(("docker", "podman", "nerdctl"))
_DEPTH = 3


def words(command: str) -> list[str]:
    """The command's words. Never raises: an open quote ends with the text.

    In a Windows path (`D:\\…`, `\\\\nas\\x.gguf`, `.\\x.gguf`) a backslash separates folders and quotes
    nothing.
    """
    lines = (line for line in command.split("\n") if not line.lstrip().startswith("#"))
    text = "\n".join(_CONTINUATION.sub(" ", line) for line in lines)
    return [_unquoted(_with_slashes(match[0])) for match in _WORD.finditer(text)]


def _with_slashes(word: str) -> str:
    is_windows = _DRIVE.match(word) or _BACKSLASHED.fullmatch(word)
    return word.replace("\\", "/") if is_windows else word


def model_path(command_words: Sequence[str]) -> str | None:
    """The GGUF file after `-m` or `--model`, the last one as llama-server takes it; strings of a shell are
    looked into.

    None when no file is named so: `-hf`, a script, and `python -m vllm`, whose `-m` names no file.
    """
    found = None
    for path in _paths(command_words, 0):
        found = path
    return found


def runs_container(command_words: Sequence[str]) -> bool:
    """Whether the command starts a container: its paths are those inside, whatever they look like."""
    for text in (
        _program(command_words),
        *(_program(words(inner)) for inner in _shell_strings(command_words)),
    ):
        if text in _CONTAINERS:
            return True
    return False


def _paths(command_words: Sequence[str], depth: int) -> Iterator[str]:
    for index, word in enumerate(command_words):
        value = None
        if word in ("-m", "--model") and index + 1 < len(command_words):
            value = command_words[index + 1]
        elif word.startswith("--model="):
            value = word.removeprefix("--model=")
        if value is not None and value.lower().endswith(".gguf"):
            yield value
    if depth < _DEPTH:
        for inner in _shell_strings(command_words):
            yield from _paths(words(inner), depth + 1)


def _shell_strings(command_words: Sequence[str]) -> Iterator[str]:
    for option, text in pairwise(command_words):
        if _SHELL_STRING.fullmatch(option) and " " in text:
            yield text


def _program(command_words: Sequence[str]) -> str:
    """The program's name, behind assignments, `exec`, `sudo` and `env`."""
    for word in command_words:
        name = PurePosixPath(word).name
        if "=" not in word and name not in ("exec", "sudo", "env", "nohup"):
            return name
    return ""


def _unquoted(word: str) -> str:
    if "'" not in word and '"' not in word and "\\" not in word:
        return word
    return "".join(_piece(match) for match in _PIECE.finditer(word))


def _piece(match: re.Match[str]) -> str:
    single, double, escaped = match.groups()
    if single is not None:
        return single
    if double is not None:
        return _IN_DOUBLE_QUOTES.sub(lambda found: found[1] or "", double)
    if escaped is not None:
        return "" if escaped == "\n" else escaped
    return match[0]
