"""Where things of a parsed text begin and end, in lines.

An entry ends with its own last line of content. libyaml's end marks say something else: a block mapping ends
where the next token begins, past the comments that belong to it; a block scalar ends past its trailing blank
lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from llama_swap_sync.config.yaml_reading import Alias, Mapping, Node, Scalar, Sequence

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml and yaml.v3 take for the end of a line
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*(?=[ \t]*(?:#.*)?(?:[\n\r\x85\u2028\u2029]|$))")
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*")


class Lines:
    """The lines of a text, found in logarithmic time. Numbers count from 0; a line includes its break."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def number(self, index: int) -> int:
        """The line that holds this place."""
        return bisect_right(self._starts, index) - 1

    def start(self, number: int) -> int:
        """Where a line begins; past the last one, the end of the text."""
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def text_of(self, number: int) -> str:
        """A line without its break."""
        return self.text[self.start(number) : self.start(number + 1)].rstrip("\r\n\x85\u2028\u2029")

    def is_blank(self, number: int) -> bool:
        """Whether a line holds nothing but blanks (a line past the text is none)."""
        return number < len(self._starts) and not self.text_of(number).strip(" \t")

    def is_comment(self, number: int) -> bool:
        """Whether a line holds nothing but a comment."""
        return self.text_of(number).lstrip(" \t").startswith("#")

    def comment_column(self, number: int) -> int:
        """How many blanks stand before a comment that has the line for itself; -1 when it is no such line."""
        line = self.text_of(number)
        bare = line.lstrip(" \t")
        return len(line) - len(bare) if bare.startswith("#") else -1

    def column(self, index: int) -> int:
        """How many characters stand before this place on its line."""
        return index - self.start(self.number(index))

    def blanks_above(self, number: int) -> int:
        """How many blank lines stand directly above a line."""
        count = 0
        while number - count > 0 and self.is_blank(number - count - 1):
            count += 1
        return count


def newline_of(text: str) -> str:
    """The line ending that the text uses most."""
    windows = text.count("\r\n")
    unix = text.count("\n") - windows
    old_mac = text.count("\r") - windows
    if windows > unix:
        return "\r\n"
    return "\r" if old_mac > unix else "\n"


def content_end(text: str, node: Node) -> int:
    """Where the last character of a node stands, plus one; never past comments or blank lines behind it."""
    if isinstance(node, Scalar):
        return _scalar_end(text, node)
    if isinstance(node, Alias) or node.flow or not node.children:
        return node.end
    if isinstance(node, Mapping):
        return value_end(text, node.children[-2], node.children[-1])
    return content_end(text, node.children[-1])


def value_end(text: str, key: Node, value: Node) -> int:
    """Where a pair's last character stands, plus one."""
    if isinstance(value, Scalar) and value.start == value.end:
        return _missing_value_end(text, key, value)
    return content_end(text, value)


def _scalar_end(text: str, scalar: Scalar) -> int:
    if scalar.style not in ("|", ">"):
        return scalar.end
    body = text[scalar.start : scalar.end]
    header = _BLOCK_HEADER.search(body)
    if header is None or "+" in header[0]:
        return scalar.end - _break_before(text, scalar.end)
    end = scalar.end
    lines = _BREAK.split(body)[1:]
    # A line of blanks is content as far as it is longer than the block's indentation. What the digit of a
    # header (`|2`) counts from is not known here: then every blank counts.
    first = next((line for line in lines if line.strip(" \t")), "")
    indent = 0 if re.search(r"\d", header[0]) else len(first) - len(first.lstrip(" "))
    if lines and lines[-1] == "":
        lines.pop()
    while lines and not lines[-1].strip(" ") and len(lines[-1]) <= indent:
        end -= _break_before(text, end)
        end -= len(lines.pop())
    return end - _break_before(text, end)


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """The block scalar in which a node ends: lines behind it that it would take in as part of its value."""

    indent: int
    keeps_blanks: bool

    def takes_in(self, line: str) -> bool:
        """Whether a blank line or a comment directly behind the block would become part of it."""
        if not line.strip(" \t"):
            return self.keeps_blanks or len(line) > self.indent
        return len(line) - len(line.lstrip(" ")) >= self.indent


def open_end(text: str, node: Node) -> OpenEnd | None:
    """The block scalar in which a node ends; None when it ends in anything else."""
    while isinstance(node, Mapping | Sequence) and not node.flow and node.children:
        node = node.children[-1]
    if not isinstance(node, Scalar) or node.style not in ("|", ">"):
        return None
    body = text[node.start : node.end]
    header = _BLOCK_HEADER.search(body)
    indents = [len(line) - len(line.lstrip(" ")) for line in _BREAK.split(body)[1:] if line.strip(" \t")]
    line = text[max(text.rfind("\n", 0, node.start), text.rfind("\r", 0, node.start)) + 1 : node.start]
    deeper = len(line) - len(line.lstrip(" ")) + 1  # where the content of a block without any could begin
    return OpenEnd(min(indents, default=deeper), header is not None and "+" in header[0])


def _break_before(text: str, index: int) -> int:
    """How long the line break is that ends right before this place."""
    if text[index - 2 : index] == "\r\n":
        return 2
    return 1 if index > 0 and _BREAK.fullmatch(text[index - 1]) else 0


def _missing_value_end(text: str, key: Node, value: Scalar) -> int:
    """Past the colon of a key without a value. Without a colon (`? key`) the mark is at the next token."""
    key_end = content_end(text, key)
    between = _COMMENT.sub(lambda comment: " " * len(comment[0]), text[key_end : value.start])
    return key_end + between.rfind(":") + 1 if ":" in between else key_end


def colon_of(text: str, key: Node, value: Node) -> int:
    """Where the colon between an explicit key and its value stands; -1 when there is none."""
    key_end = content_end(text, key)
    between = _COMMENT.sub(lambda comment: " " * len(comment[0]), text[key_end : value.start])
    found = between.find(":")
    return key_end + found if found >= 0 else -1


def question_mark_of(lines: Lines, key: Node) -> int:
    """Where the `?` of an explicit key stands; -1 for a plain `key:`."""
    start = lines.start(lines.number(key.start))
    before = lines.text[start : key.start]
    found = re.search(r"\?[ \t]+$", before)
    return start + found.start() if found else -1


def habit_of_blanks(lines: Lines, firsts: list[int]) -> int:
    """How many blank lines a file keeps between its entries, from the lines on which they begin.

    The most frequent number wins, the latest among equals; one when there is nothing to learn from. Comments
    above an entry count as part of it. The last twenty gaps are looked at.
    """
    counts: dict[int, int] = {}
    for _, first in reversed(list(pairwise(firsts[-21:]))):
        while lines.is_comment(first - 1):
            first -= 1
        blanks = lines.blanks_above(first)
        counts[blanks] = counts.get(blanks, 0) + 1
    return max(counts, key=lambda blanks: counts[blanks]) if counts else 1
