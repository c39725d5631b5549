"""The habits of a file that new lines follow: line ending, columns, depth, where an entry ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_swap_sync.config import spans
from llama_swap_sync.config.yaml_reading import Mapping, Node

if TYPE_CHECKING:
    from llama_swap_sync.config.document import Document

DEFAULT_STEP = 2


def newline(document: Document) -> str:
    """The line ending of new lines."""
    return spans.newline_of(document.text)


def column_of(document: Document, key: Node) -> int:
    """The column of a key, or of the `?` before it."""
    mark = spans.question_mark_of(document.lines, key)
    return document.lines.column(mark if mark >= 0 else key.start)


def step_below(document: Document, column: int) -> int:
    """How much deeper the file puts what belongs to a key: as in the last entry, else the first setting."""
    models = document.models
    if isinstance(models, Mapping) and not models.flow:
        for value in reversed(models.children[1::2]):
            if isinstance(value, Mapping) and not value.flow:
                return column_of(document, value.children[0]) - column
    if document.root is not None and not document.root.flow:
        for value in document.root.children[1::2]:
            if isinstance(value, Mapping) and not value.flow:
                return column_of(document, value.children[0]) - column_of(document, document.root.children[0])
    return DEFAULT_STEP


def last_line(document: Document, key: Node, value: Node) -> int:
    """The last line of an entry: of its content, or of comments glued to it that stand deeper than its ID."""
    lines = document.lines
    last = lines.number(spans.value_end(document.text, key, value))
    column = column_of(document, key)
    while lines.comment_column(last + 1) > column:
        last += 1
    return last
