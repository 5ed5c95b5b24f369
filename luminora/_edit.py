"""Change values in the text of a configuration and leave everything else as its author wrote it.

The document is JSON with comments, as :mod:`luminora._jsonc` reads it. A value is replaced where
it stands; a new one goes to the end of its object, indented as the document is; a removed one
takes its comma and the comment at the end of its line along. Whatever is not touched keeps every
byte: comments, order, blank lines, the kind of line ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from luminora import _jsonc
from luminora._layout import (
    LINE_END,
    SPACE,
    WIDTH,
    Layout,
    Node,
    comments,
    dumped,
    indent_at,
    inner_indent,
    nodes,
    same,
    stays_folded,
    tail_of,
    tree,
)
from luminora._shapes import PROVIDERS, pointer
from luminora.errors import ConfigError


class _Remove(Enum):
    REMOVE = "remove"


REMOVE: Final = _Remove.REMOVE
"""As a value in the changes: take what stands there out of the document."""

Path = tuple[str, ...]


def edited(text: str, changes: Mapping[Path, Any], origin: str = "the configuration") -> str:
    """``text`` with the values at these paths replaced, inserted or removed, in this order.

    Objects on the way to a value are made where they are missing or null. The short form of a
    section, ``"llm_provider": "deepseek"``, becomes ``{"name": "deepseek"}`` when something is put
    beside the name. An object that takes the place of an object is merged into it, so that the
    comments of what stays are kept; comments inside any other value go with it. A step into a list
    is the item's number.

    Args:
        text: The document; nothing but blanks begins a new one.
        changes: New values, or :data:`REMOVE`, by path. To remove what is not there is no change.
        origin: What to call the document in errors.

    Raises:
        ConfigError: The document cannot be read, a path leads through a value that can hold
            nothing, or the result would be more than can be read again.
    """
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(bom)
    if not body.strip(" \t\r\n"):
        body = "{\n}\n"
    if not isinstance(_jsonc.parse(body, origin), dict):
        raise ConfigError("a configuration is an object: {…}", where=f"{origin}:1")
    for path, value in changes.items():
        body = _removed(body, path) if value is REMOVE else _with(body, path, value, origin)
    _jsonc.parse(body, origin)
    return bom + ("{}\n" if body == "{\n}\n" else body)


# --- to put in -----------------------------------------------------------------------------------


def _with(text: str, path: Path, value: Any, origin: str) -> str:
    """``text`` with ``value`` at ``path``."""
    node, parent, unfolded = tree(text), None, None
    for depth, step in enumerate(path):
        folded = stays_folded(text, node, parent_folded=unfolded is not None)
        unfolded = unfolded if unfolded is not None else node.start if folded else None
        member = node.member(step)
        if member is None:
            added = _nested(path[depth + 1 :], value)
            return _spread(
                _inserted(text, node, step, added, path, origin, folded=folded), unfolded
            )
        parent, node = member, member.node
        if not node.opening and depth + 1 < len(path):
            present = json.loads(text[node.start : node.end])
            value = _wrapped(present, path, depth + 1, value, origin)
            break
    present = _jsonc.parse(text[node.start : node.end], origin)
    if same(present, value):
        return text
    if isinstance(present, dict) and isinstance(value, Mapping):
        return _merged(text, path, present, value, origin)
    layout = Layout.of(text, folded=unfolded is not None)
    put = layout.render(value, indent_at(text, parent.start if parent else 0))
    return _spread(text[: node.start] + put + text[node.end :], unfolded)


def _wrapped(present: Any, path: Path, depth: int, value: Any, origin: str) -> Any:
    """What takes the place of the simple value that stands in the way at ``path[:depth]``."""
    rest = path[depth:]
    if present is None:
        return _nested(rest, value)
    if isinstance(present, str) and path[0] in PROVIDERS and depth == 1:
        return value if rest == ("name",) else {"name": present, **_nested(rest, value)}
    raise ConfigError(
        f"'{'.'.join(path[:depth])}' is a single value, so there can be no '{'.'.join(path)}'",
        where=f"{origin} ({pointer(path[:depth])})",
    )


def _merged(text: str, path: Path, present: Any, value: Mapping[str, Any], origin: str) -> str:
    """``text`` where the object at ``path`` holds what ``value`` does."""
    for key in [key for key in present if key not in value]:
        text = _removed(text, (*path, key))
    for key, inner in value.items():
        text = _with(text, (*path, key), inner, origin)
    return text


def _inserted(
    text: str, node: Node, key: str, value: Any, path: Path, origin: str, *, folded: bool
) -> str:
    """``text`` with a new member at the end of an object or list."""
    if node.opening == "[" and key != str(len(node.members)):
        raise ConfigError(
            f"a list of {len(node.members)} has no place for '{'.'.join(path)}'", where=origin
        )
    layout = Layout.of(text, folded=folded)
    indent = indent_at(text, node.start)
    inner = inner_indent(text, node, layout.unit)
    name = f"{dumped(key)}: " if node.opening == "{" else ""
    member = name + layout.render(value, inner)
    if not node.members:
        return _filled(text, node, member, "" if folded else layout.newline, indent, inner)
    last = node.members[-1]
    tail = tail_of(text, last)
    comma = "," if last.comma is None else ""
    lead = " " if folded else layout.newline + inner
    after = "" if comma else ","
    head = text[: last.node.end] + comma + text[last.node.end : tail]
    return head + lead + member + after + text[tail:]


def _filled(text: str, node: Node, member: str, newline: str, indent: str, inner: str) -> str:
    """``text`` with the first member of an object or list, behind the comments in it."""
    held = text[node.start + 1 : node.end - 1]
    kept = held[: max((end for _, end in comments(held)), default=0)].removesuffix("\r")
    rest = held[len(kept) :]
    if newline:
        lead, rest = newline + inner, rest if "\n" in rest else newline + indent
    else:
        lead = " " if kept else ""
    return text[: node.start + 1] + kept + lead + member + rest + text[node.end - 1 :]


def _spread(text: str, start: int | None) -> str:
    """``text`` with the one-line object at ``start`` over several lines, if its line is too long.

    One that holds comments stays as it is.
    """
    if start is None:
        return text
    line = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    if (end if end >= 0 else len(text)) - line <= WIDTH:
        return text
    node = next(node for node in nodes(tree(text)) if node.start == start)
    held = text[node.start : node.end]
    if any(comments(held)):
        return text
    layout = Layout.of(text, folded=False)
    put = layout.render(_jsonc.parse(held, ""), indent_at(text, node.start))
    return text[: node.start] + put + text[node.end :]


# --- to take out ---------------------------------------------------------------------------------


def _removed(text: str, path: Path) -> str:
    """``text`` without what stands at ``path``."""
    node = tree(text)
    for depth, step in enumerate(path):
        member = node.member(step)
        if member is None:
            return text
        short = depth == 0 and step in PROVIDERS and path[1:] == ("name",)
        named = short and text[member.node.start] == '"'  # the short form is nothing but its name
        if depth + 1 == len(path) or named:
            return _without(text, node, node.members.index(member))
        node = member.node
    return text


def _without(text: str, node: Node, index: int) -> str:
    member = node.members[index]
    start, end = member.start, tail_of(text, member)
    last = index + 1 == len(node.members)
    line = text.rfind("\n", 0, start) + 1
    blank = text[line:start].strip(" \t") == ""
    line_end = LINE_END.match(text, end)
    if blank and line > node.start and line_end:
        start, end = line, line_end.end()
    elif last or line_end:
        start = len(text[:start].rstrip(" \t"))
    else:
        end = SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches anything
    head, rest = text[:start], text[end:]
    if last and index and member.comma is None:
        comma = node.members[index - 1].comma
        assert comma is not None  # noqa: S101 - something follows it
        head = head[:comma] + head[comma + 1 :]
    if len(node.members) == 1 and not (head[node.start + 1 :] + rest[: node.end - 1 - end]).strip():
        head, rest = text[: node.start + 1], text[node.end - 1 :]
    return head + rest


def _nested(path: Path, value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value
