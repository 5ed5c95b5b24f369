"""Where everything stands in the text of a JSON document with comments, and how it is laid out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from luminora import _jsonc
from luminora.errors import ConfigError

WIDTH = 88
"""Columns that a line should not exceed."""
SPACE = re.compile(r"[ \t]*")
LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_COMMENT = re.compile(r"[ \t]*(?://[^\n]*?(?=\r?\n|\Z)|/\*.*?\*/)", re.DOTALL)


@dataclass(slots=True)
class Node:
    """A value: where it stands, how it begins if it is an object or a list, and what is in it."""

    start: int
    end: int
    opening: str
    members: list[Member] = field(default_factory=list)

    def member(self, key: str) -> Member | None:
        """The member of that key."""
        return next((member for member in self.members if member.key == key), None)


@dataclass(slots=True)
class Member:
    """What an object or a list holds; an item's key is its number."""

    key: str
    start: int
    node: Node
    comma: int | None = None


def tree(text: str) -> Node:
    """The document, which has been read without an error before."""
    root: Node | None = None
    stack: list[Node] = []
    key: tuple[str, int] | None = None
    for match in _jsonc._tokens(text):  # noqa: SLF001 - one tokenizer for the one language
        lexeme, start = match.group(), match.start()
        top = stack[-1] if stack else None
        if match.lastgroup == "blank" or lexeme == ":":
            continue
        if top and lexeme == ",":
            top.members[-1].comma = start
        elif lexeme in "}]":
            stack.pop().end = match.end()
        elif top and top.opening == "{" and key is None:
            key = (json.loads(lexeme), start)
        else:
            node = Node(start, match.end(), lexeme if lexeme in "{[" else "")
            if top:
                top.members.append(Member(*(key or (str(len(top.members)), start)), node))
            root, key = root or node, None
            if node.opening:
                stack.append(node)
    assert root is not None  # noqa: S101 - a document that was read has a value
    return root


@dataclass(frozen=True, slots=True)
class Layout:
    """How the document is laid out: its indentation, its line ends, or all in one line."""

    unit: str
    newline: str
    folded: bool

    @classmethod
    def of(cls, text: str, *, folded: bool) -> Layout:
        """How ``text`` is laid out; ``folded``: what is put into it stays in one line."""
        newline = "\r\n" if "\r\n" in text else "\n"
        return cls(next(units(text), "  "), newline, folded)

    def render(self, value: Any, indent: str) -> str:
        """``value`` as text; its first line goes where it is put, the others are indented."""
        flat = dumped(value)
        simple = isinstance(value, list | tuple) and not any(
            isinstance(item, Mapping | list | tuple) for item in value
        )
        fits = len(indent) + len(flat) <= WIDTH
        if self.folded or not value or (simple and fits):
            return flat
        inner = indent + self.unit
        if isinstance(value, Mapping):
            lines = [f"{dumped(key)}: {self.render(part, inner)}" for key, part in value.items()]
            opening, closing = "{", "}"
        elif isinstance(value, list | tuple):
            lines = [self.render(part, inner) for part in value]
            opening, closing = "[", "]"
        else:
            return flat
        body = f",{self.newline}{inner}".join(lines)
        return f"{opening}{self.newline}{inner}{body}{self.newline}{indent}{closing}"


def stays_folded(text: str, node: Node, *, parent_folded: bool) -> bool:
    """Whether what is put into ``node`` stays in its line."""
    return "\n" not in text[node.start : node.end] and (bool(node.members) or parent_folded)


def nodes(node: Node) -> Iterator[Node]:
    """A value and all values in it."""
    yield node
    for member in node.members:
        yield from nodes(member.node)


def units(text: str) -> Iterator[str]:
    """How much further than its object each member that begins a line is indented."""
    for node in nodes(tree(text)):
        outer = indent_at(text, node.start)
        for member in node.members:
            inner = _own_indent(text, member.start)
            if inner is not None and len(inner) > len(outer) and inner.startswith(outer):
                yield inner[len(outer) :]


def indent_at(text: str, position: int) -> str:
    """The blanks that begin the line of ``position``."""
    match = SPACE.match(text, text.rfind("\n", 0, position) + 1)
    return match.group() if match else ""


def _own_indent(text: str, position: int) -> str | None:
    """What stands before ``position`` in its line, if that is blanks."""
    start = text.rfind("\n", 0, position) + 1
    before = text[start:position]
    return before if start and not before.strip(" \t") else None


def inner_indent(text: str, node: Node, unit: str) -> str:
    """The indentation of the members, as the last that begins a line has it."""
    for member in reversed(node.members):
        own = _own_indent(text, member.start)
        if own is not None and "\n" in text[node.start : member.start]:
            return own
    return indent_at(text, node.start) + unit


def tail_of(text: str, member: Member) -> int:
    """Where a member ends: behind its comma and the comments that its line ends with."""
    begin = end = member.node.end if member.comma is None else member.comma + 1
    while comment := _COMMENT.match(text, end):
        end = comment.end()
    following = SPACE.match(text, end)
    after = text[following.end() :][:1] if following else ""
    return end if after in ("", "\r", "\n", "}", "]") else begin


def comments(text: str) -> Iterator[tuple[int, int]]:
    """Where the comments stand, of a text that is whole tokens."""
    for match in _jsonc._tokens(text):  # noqa: SLF001 - as above
        if match.lastgroup == "blank" and match.group()[0] == "/":
            yield match.span()


def dumped(value: Any) -> str:
    """``value`` as JSON in one line.

    Raises:
        ConfigError: It is none.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as problem:
        raise ConfigError(f"this cannot be written as JSON: {problem}") from None


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; 1, 1.0 and true are not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
