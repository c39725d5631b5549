"""How a scalar is read by llama-swap, and how a string is written so that every reader takes it for one.

llama-swap reads YAML with Go's yaml.v3: YAML 1.2 in most things (`on`, `yes` and `1:30` are strings), but
with 1.1's dates, `0b` numbers and underscores. Editors and scripts read 1.1 (`on` is true). What we write
must be a string for both; what we read is read as llama-swap does. Source: yaml.v3 3.0.1, resolve.go.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from llama_swap_sync.config.yaml_reading import Mapping, Node, Scalar, Sequence, resolved

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[-+]?(0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9]\d*)", re.ASCII | re.IGNORECASE)
_YAML_1_1 = re.compile(r"y|n|yes|no|on|off|=|<<|[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?", re.ASCII | re.IGNORECASE)

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/@()-]*", re.ASCII)
_PLAIN_WORDS = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.+/@()-]*(?:,? [A-Za-z0-9_.+/@(][A-Za-z0-9_.+/@()-]*)*", re.ASCII
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def reads_as_string(plain: str) -> bool:
    """Whether llama-swap reads these unquoted characters as a string."""
    if plain in _WORDS or plain == "<<":
        return False
    digits = plain.replace("_", "")
    return not (_DATE.fullmatch(plain) or _FLOAT.fullmatch(digits) or _INTEGER.fullmatch(digits))


def reads_as_string_everywhere(plain: str) -> bool:
    """Whether YAML 1.1 and 1.2 both read these unquoted characters as a string."""
    return reads_as_string(plain) and not _YAML_1_1.fullmatch(plain)


def is_string(scalar: Scalar) -> bool:
    """Whether llama-swap takes this scalar for a string: quoted, a block, tagged so, or read as one."""
    if scalar.tag is not None:
        return scalar.tag in ("tag:yaml.org,2002:str", "!")
    return scalar.style != "" or reads_as_string(scalar.value)


def plain_value(scalar: Scalar) -> str | int | float | bool | None:
    """The scalar as llama-swap reads it; dates and private tags stay the characters that stand there."""
    text = scalar.value
    if is_string(scalar) or _DATE.fullmatch(text) or text == "<<":
        return text
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
        return int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
    return float(digits) if _FLOAT.fullmatch(digits) else text


def value_of(node: Node) -> Value:
    """Plain data of a node: keys as they are written, merge keys merged, an alias is its target's data."""
    return _value_of(node, {})


def _value_of(node: Node, known: dict[int, Value]) -> Value:
    # One value for one node, however many aliases repeat it: ten levels of ten aliases would be 10^10 values.
    node = resolved(node)
    if id(node) not in known:
        known[id(node)] = (
            plain_value(node)
            if isinstance(node, Scalar)
            else [_value_of(child, known) for child in node.children]
            if isinstance(node, Sequence)
            else {key: _value_of(value, known) for key, value in fields_of(node).items()}
        )
    return known[id(node)]


def fields_of(mapping: Mapping) -> dict[str, Node]:
    """Keys and value nodes of a mapping, what `<<` brings included; an own key wins over a merged one."""
    return _fields_of(mapping, set())


def _fields_of(mapping: Mapping, merged_already: set[int]) -> dict[str, Node]:
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    children = mapping.children
    for index in range(0, len(children), 2):
        key = resolved(children[index])
        if not isinstance(key, Scalar):
            continue
        if key.value == "<<" and key.style == "":
            for source in _merge_sources(children[index + 1]):
                if id(source) not in merged_already:
                    merged_already.add(id(source))
                    for name, node in _fields_of(source, merged_already).items():
                        merged.setdefault(name, node)
        else:
            own[key.value] = children[index + 1]
    return {**merged, **own} if merged else own


def _merge_sources(value: Node) -> list[Mapping]:
    source = resolved(value)
    if isinstance(source, Sequence):
        return [item for child in source.children if isinstance(item := resolved(child), Mapping)]
    return [source] if isinstance(source, Mapping) else []


def written(text: str) -> str:
    """The string as a YAML scalar on one line: plain where every reader takes it for that, else quoted."""
    if _PLAIN_WORDS.fullmatch(text) and reads_as_string_everywhere(text):
        return text
    return quoted(text)


def written_key(text: str) -> str:
    """The string as a key in block style; plain only without blanks, so that it is easily searched for."""
    if _PLAIN.fullmatch(text) and reads_as_string_everywhere(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """The string in double quotes; what YAML can't show as it is, is escaped."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def fits_block(text: str) -> bool:
    """Whether a literal block can hold the text: nothing in it needs an escape."""
    return all(
        character == "\n" or (_escaped(character) == character or character in '"\\') for character in text
    )


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 0x20 <= code < 0x7F or (code >= 0xA0 and character.isprintable()):
        return character
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def in_flow(value: Value) -> str:
    """Any value in flow style, all strings quoted: what stands inside `{…}` or after a key of an entry."""
    match value:
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case list():
            return "[" + ", ".join(in_flow(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{quoted(key)}: {in_flow(item)}" for key, item in value.items()) + "}"
        case _:
            return repr(value)
