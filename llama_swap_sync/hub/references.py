"""What a person writes to name a model of Hugging Face -> `Reference`. Pure: nothing is asked anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from llama_swap_sync.errors import SyncError

EXAMPLES = (
    "ggml-org/gemma-3-270m-GGUF:Q4_K_M",
    "ggml-org/gemma-3-270m-GGUF/gemma-3-270m-Q4_K_M.gguf",
    "https://huggingface.co/ggml-org/gemma-3-270m-GGUF/blob/main/gemma-3-270m-Q4_K_M.gguf",
)
DEFAULT_REVISION = "main"

_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
# The Hub's own rule for names (huggingface_hub, `validate_repo_id`): no `--`, no `..`, no `.git` behind.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
_QUANTISATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
_HALF = re.compile(r"\.gguf\.(?:part|split-)", re.IGNORECASE)


class BadReference(SyncError, ValueError):  # noqa: N818 - the word of the contract between rooms
    """`text` names no model of Hugging Face; the message says why and shows one that does."""

    def __init__(self, text: str, problem: str) -> None:
        self.text = text
        self.problem = problem
        super().__init__(f"'{' '.join(text.split())}' {problem}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A model of one repository: a file of it (`path`), or what `quantisation` names; neither: the default.

    `repo` is OWNER/REPO, `path` is POSIX and relative to the repository's root.
    """

    repo: str
    path: str | None = None
    quantisation: str | None = None
    revision: str = DEFAULT_REVISION

    def __str__(self) -> str:
        tail = f"/{self.path}" if self.path else f":{self.quantisation}" if self.quantisation else ""
        return f"{self.repo}{tail}" + (f"@{self.revision}" if self.revision != DEFAULT_REVISION else "")


def parse(text: str) -> Reference:
    """The model that `text` names, in any of the forms of `EXAMPLES`. Raises BadReference.

    An address may lead to the repository's page instead of a file, and `OWNER/REPO` alone is understood as
    `llama-server -hf` does: Q4_K_M, else Q8_0, else the first file. `@REV` behind the last two forms asks for
    another branch, tag or commit than `main`.
    """
    said = text.strip()
    if not said:
        _refuse(text, "is empty")
    if any(character in said for character in "\\\n\r\t") or "${" in said:
        _refuse(text, "holds a character that no reference has")
    address = said if "://" in said else f"https://{said}" if said.split("/")[0].lower() in _HOSTS else ""
    return _from_address(text, address) if address else _from_words(text, said)


def _from_address(text: str, address: str) -> Reference:
    try:
        parts = urlsplit(address)
    except ValueError:
        _refuse(text, "is no address")
    if parts.scheme not in ("http", "https") or (parts.hostname or "") not in _HOSTS:
        _refuse(text, "is no address at huggingface.co (HF_ENDPOINT says which mirror is asked)")
    owner, _, rest = parts.path.strip("/").partition("/")
    repo, _, rest = rest.partition("/")
    if owner in ("datasets", "spaces", "collections", "papers", "docs"):
        _refuse(text, f"leads to {owner}, not to a model")
    kind, _, rest = rest.partition("/")
    if kind in ("", "tree"):
        revision = _revision_first(rest)[0] if rest else DEFAULT_REVISION
        return _checked(text, _from_words(text, f"{owner}/{unquote(repo)}"), revision)
    if kind not in ("blob", "resolve", "raw"):
        _refuse(text, "leads to no file")
    revision, path = _revision_first(rest)
    return _checked(text, Reference(f"{owner}/{repo}", unquote(path)), revision)


def _revision_first(rest: str) -> tuple[str, str]:
    """`main/a/b.gguf` -> `main`, `a/b.gguf`; a pull request's revision has slashes of its own."""
    request = re.match(r"refs/pr/\d+(?=/|$)", rest)
    revision = request[0] if request else rest.partition("/")[0]
    return unquote(revision), rest[len(revision) :].lstrip("/")


def _from_words(text: str, said: str) -> Reference:
    words, revision = said, DEFAULT_REVISION
    if not said.lower().endswith(".gguf"):
        # A file's name may hold an `@`: behind a file, a revision follows the suffix.
        words, at, named = said.rpartition("@")
        words, revision = (words, named) if at else (said, revision)
    parts = words.split("/", 2)
    if len(parts) < 2:
        _refuse(text, "names no owner: a model is OWNER/REPO")
    if len(parts) == 3:
        return _checked(text, Reference(f"{parts[0]}/{parts[1]}", parts[2]), revision)
    repo, colon, quantisation = words.partition(":")
    if colon and not _QUANTISATION.fullmatch(quantisation):
        _refuse(text, "names no quantisation behind its colon")
    return _checked(text, Reference(repo, None, quantisation or None), revision)


def _checked(text: str, found: Reference, revision: str) -> Reference:
    for name in found.repo.split("/"):
        if not _NAME.fullmatch(name) or "--" in name or ".." in name or name.endswith(".git"):
            _refuse(text, f"has {name!r} where an owner or a repository stands")
    if not _REVISION.fullmatch(revision) or ".." in revision:
        _refuse(text, "names no branch, tag or commit behind its @")
    if found.path is not None:
        _check_path(text, found.path)
    return Reference(found.repo, found.path, found.quantisation, revision)


def _check_path(text: str, path: str) -> None:
    if any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable() or "${" in path:
        _refuse(text, "has a path that leads nowhere inside a repository")
    if _HALF.search(path):
        _refuse(text, "names one raw half of a file, which llama-server can't load")
    if not path.lower().endswith(".gguf"):
        _refuse(text, "names a file that is no .gguf")


def _refuse(text: str, problem: str) -> NoReturn:
    raise BadReference(text, f"{problem}; write for example {EXAMPLES[0]} or {EXAMPLES[1]}")
