"""config.yaml as a person wrote it: parsed for what it says, edited without losing a byte.

Guarantee: every edit is a splice. Outside it each byte stays (BOM, CRLF, comments, anchors, trailing blanks,
a missing final newline), and the new text is parsed again and compared, node by node, with the old one plus
the edits; when they differ ConfigError is raised and there is nothing to write. Not guaranteed: that
llama-swap likes what else the file says; its own mistakes are neither mended nor a reason to refuse the rest.

A text without a final line break is read as if it had one. (Without it, a literal block at the very end
would lack its own last line break, and any line added behind would change that value.)
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from llama_swap_sync.config import layout, verification
from llama_swap_sync.config.edits import Edit
from llama_swap_sync.config.scalars import Value, fields_of, is_string, reads_as_string_everywhere, value_of
from llama_swap_sync.config.spans import Lines, newline_of
from llama_swap_sync.config.splice import spliced
from llama_swap_sync.config.yaml_reading import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    Tree,
    compose,
    position,
    resolved,
    scalar_of,
)
from llama_swap_sync.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
"""Larger files are refused unread: the largest public config has 94 entries; 10,000 of ours are 6 MB."""

_BYTE_ORDER_MARK = "\ufeff"
"""One at the start is usual, two come of a tool that adds its own. libyaml's marks don't count the first that
it meets, so all are cut off before."""

_UTF_16_OR_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A mapping under `models:`. `fields` has what merge keys bring, too; `own`: not itself merged in."""

    id: str
    key: Node
    node: Node
    fields: dict[str, Node]
    own: bool

    def text(self, name: str) -> str | None:
        """The characters of a field's value; None when it is missing or no scalar."""
        node = self.fields.get(name)
        scalar = None if node is None else scalar_of(node)
        return None if scalar is None else scalar.value


class Document:
    """One config.yaml. Made by `Document.parse`; never changed, `edited` gives a new one."""

    def __init__(self, text: str, name: str, *, marks: str, unterminated: bool) -> None:
        self.text = text
        self.name = name
        self._marks = marks
        self._unterminated = unterminated
        self.tree: Tree = compose(text, name)
        self.root: Mapping | None = self._root()
        self.models_key, self.models = self._models()

    @classmethod
    def parse(cls, data: bytes, name: str = "config.yaml") -> Document:
        """Read a file's bytes; `name` is what messages call it.

        Raises ConfigError, with line and column where there is one: not YAML, not UTF-8, larger than
        `MAX_BYTES`, a key twice in one mapping, no mapping at the top, `models` a list with content.
        """
        if len(data) > MAX_BYTES:
            raise ConfigError(
                name,
                f"has {len(data) / 1e6:.0f} MB, and no config has more than {MAX_BYTES / 1e6:.0f} MB; "
                "is LLAMA_SWAP_CONFIG the right file?",
            )
        text = _decoded(data, name)
        marks = text[: len(text) - len(text.lstrip(_BYTE_ORDER_MARK))]
        text = text[len(marks) :]
        unterminated = bool(text) and text[-1] not in "\n\r\x85\u2028\u2029"
        return cls(
            text + newline_of(text) if unterminated else text, name, marks=marks, unterminated=unterminated
        )

    @property
    def source(self) -> bytes:
        """The document's bytes."""
        text = self.text
        if self._unterminated:
            text = text[:-2] if text.endswith("\r\n") else text[:-1]
        return (self._marks + text).encode()

    @property
    def is_empty(self) -> bool:
        """Whether there is not one byte: the file is missing or was just made."""
        return self.text == ""

    @cached_property
    def lines(self) -> Lines:
        """The text by lines."""
        return Lines(self.text)

    @cached_property
    def data(self) -> dict[str, Value]:
        """All that the file says as plain data, as llama-swap reads it; IDs are the keys' own characters."""
        value = value_of(self.root) if self.root is not None else {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def settings(self) -> dict[str, Node]:
        """The top-level keys and their nodes, merged ones included."""
        return fields_of(self.root) if self.root is not None else {}

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries under `models:` in the file's order; those that a merge key brings come last."""
        if self.models is None or not isinstance(models := resolved(self.models), Mapping):
            return ()
        own: dict[str, Entry] = {}
        for key, node in models.pairs:
            scalar = scalar_of(key)
            if scalar is not None and not (scalar.value == "<<" and scalar.style == ""):
                own[scalar.value] = Entry(scalar.value, key, node, _fields(node), own=True)
        if len(own) == len(models.children) // 2:
            return tuple(own.values())
        merged = [
            Entry(name, node, node, _fields(node), own=False)
            for name, node in fields_of(models).items()
            if name not in own
        ]
        return (*own.values(), *merged)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """The entries by ID."""
        return {entry.id: entry for entry in self.entries}

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The literal `apiKeys`; one with `${env.…}` is known to llama-swap alone."""
        node = self.settings.get("apiKeys")
        keys = resolved(node) if node is not None else None
        if not isinstance(keys, Sequence):
            return ()
        values = [scalar.value for child in keys.children if (scalar := scalar_of(child)) is not None]
        return tuple(value for value in values if value and "${" not in value)

    @property
    def health_check_timeout(self) -> int | None:
        """`healthCheckTimeout` in seconds; None when it is not set (llama-swap then takes 120)."""
        return self._integer("healthCheckTimeout")

    @property
    def global_ttl(self) -> int | None:
        """`globalTTL` in seconds; None when it is not set (models then stay loaded)."""
        return self._integer("globalTTL")

    @property
    def store_path(self) -> str | None:
        """`store.path`, which must be writable for llama-swap; None when it is not set."""
        store = self.settings.get("store")
        mapping = resolved(store) if store is not None else None
        node = fields_of(mapping).get("path") if isinstance(mapping, Mapping) else None
        scalar = scalar_of(node) if node is not None else None
        return scalar.value if scalar is not None else None

    @property
    def serves_nothing(self) -> bool:
        """Whether an ID that is no string makes llama-swap drop all models without a word (*measured*)."""
        return any(
            entry.own and (key := scalar_of(entry.key)) is not None and not is_string(key)
            for entry in self.entries
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each ID that YAML does not read as a string."""
        found = []
        for entry in self.entries:
            key = scalar_of(entry.key)
            if not entry.own or key is None or key.style or key.tag or reads_as_string_everywhere(key.value):
                continue
            effect = (
                "other YAML readers don't take it for a string"
                if is_string(key)
                else "llama-swap then serves no model at all, without a word"
            )
            found.append(
                f"{self.place(key.start)}: the ID {key.value} is no string for YAML, {effect}; quote it"
            )
        return tuple(found)

    def place(self, index: int) -> str:
        """`config.yaml:12:3` for a place in the text."""
        line, column = position(self.text, index)
        return f"{self.name}:{line}:{column}"

    def edited(self, edits: Iterable[Edit]) -> Document:
        """The document with all edits made, checked; see the module for what is guaranteed.

        Raises ConfigError where the file's form leaves no place for an edit, or when the check fails.
        """
        edits = tuple(edits)
        text = spliced(self.text, layout.splices(self, edits))
        after = Document(text, self.name, marks=self._marks, unterminated=self._unterminated)
        verification.check(self, after, edits)
        return after

    def _integer(self, name: str) -> int | None:
        node = self.settings.get(name)
        value = value_of(node) if node is not None else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _root(self) -> Mapping | None:
        root = self.tree.root
        if root is None or isinstance(root, Mapping):
            return root
        if isinstance(root, Scalar) and root.value in ("", "~", "null") and not root.style:
            return None
        found = "a list" if isinstance(root, Sequence) else "a bare value"
        raise self._refusal(root, f"this is {found}, and llama-swap's config is settings such as `models:`")

    def _models(self) -> tuple[Node | None, Node | None]:
        for key, value in self.root.pairs if self.root is not None else ():
            if isinstance(key, Scalar) and key.value == "models":
                self._refuse_no_mapping(value)
                return key, value
        return None, self.settings.get("models")

    def _refuse_no_mapping(self, value: Node) -> None:
        models = resolved(value)
        if isinstance(models, Sequence) and models.children:
            raise self._refusal(
                value, "`models` is a list; llama-swap wants a mapping of IDs, so make each item `ID:`"
            )
        if isinstance(models, Scalar) and (
            models.style or models.value not in ("", "~", "null", "Null", "NULL")
        ):
            raise self._refusal(value, "`models` is a bare value; llama-swap wants a mapping of IDs")

    def _refusal(self, node: Node, problem: str) -> ConfigError:
        return ConfigError(self.name, problem, *position(self.text, node.start))


def _fields(node: Node) -> dict[str, Node]:
    target = resolved(node)
    return fields_of(target) if isinstance(target, Mapping) else {}


def _decoded(data: bytes, name: str) -> str:
    if data.startswith(_UTF_16_OR_32):
        raise ConfigError(name, "this is UTF-16 or UTF-32; save it as UTF-8", 1, 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        line, column = position(before, len(before))
        problem = f"the byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8 text"
        raise ConfigError(name, problem, line, column) from None
