"""Docstrings in Google's style, and signatures, as Markdown."""

from __future__ import annotations

import inspect
import re
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):$")
_ITEM = re.compile(r"^(\*{0,2}[\w.]+(?:, [\w.]+)*)(?: \([^)]*\))?: (.*)$")
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")
_WIDTH = 88


def markdown(docstring: str | None) -> str:
    """A docstring's text: sections as lists, literal blocks as code."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    parts: list[str] = []
    number = 0
    while number < len(lines):
        section = _SECTION.match(lines[number])
        if section:
            number, body = _indented(lines, number + 1)
            gap = [""] if parts and parts[-1] else []
            parts += [*gap, f"**{section[1]}**", "", *_items(body)]
        elif lines[number].endswith("::"):
            rest = lines[number].removesuffix("::").rstrip()
            number, body = _indented(lines, number + 1)
            parts += [rest + ":", ""] if rest else [""] * bool(parts and parts[-1])
            parts += ["```python", *body, "```", ""]
        else:
            parts.append(lines[number])
            number += 1
    return inline("\n".join(parts)).strip()


def first_sentence(docstring: str | None) -> str:
    """The first paragraph in one line."""
    return inline(" ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split()))


def inline(text: str) -> str:
    """ReStructuredText's roles and literals as Markdown's."""
    text = _ROLE.sub(lambda role: f"`{role[1]}`", text)
    return re.sub(r"(?<!`)``([^`\n]+(?:\n[^`\n]+)?)``(?!`)", r"`\1`", text)


def signature(member: Any, name: str) -> str:
    """How it is called, as code: without ``self``, a parameter a line where it is long."""
    if isinstance(member, property):
        return f"{name}: {_type(member.fget.__annotations__.get('return'))}"
    function = inspect.unwrap(getattr(member, "__func__", member))
    word = "async " if _is_async(function) else ""
    found = inspect.signature(function)
    parameters = [one for one in found.parameters.values() if one.name not in {"self", "cls"}]
    returns = f" -> {_type(found.return_annotation)}"
    if found.return_annotation is inspect.Signature.empty:
        returns = ""
    inside = _written(parameters)
    line = f"{word}{name}({', '.join(inside)}){returns}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{word}{name}(", *(f"    {one}," for one in inside), f"){returns}"])


def _written(parameters: list[inspect.Parameter]) -> list[str]:
    found, starred = [], False
    for one in parameters:
        if one.kind is inspect.Parameter.VAR_POSITIONAL:
            starred = True
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            found.append("*")
            starred = True
        text = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(one.kind.name, "") + one.name
        if one.annotation is not inspect.Parameter.empty:
            text += f": {_type(one.annotation)}"
        if one.default is not inspect.Parameter.empty:
            text += f" = {_value(one.default)}"
        found.append(text)
    return found


def _value(value: Any) -> str:
    """A default that reads the same in every process: an object by its type alone."""
    text = repr(value)
    return "…" if re.search(r" at 0x|^<", text) else text


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "Any")


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _indented(lines: list[str], number: int) -> tuple[int, list[str]]:
    """The indented lines from there on, without their indentation."""
    body = []
    while number < len(lines) and (not lines[number].strip() or lines[number].startswith(" ")):
        body.append(lines[number])
        number += 1
    return number, inspect.cleandoc("\n".join(["", *body])).splitlines()


def _items(body: list[str]) -> list[str]:
    """A section's lines: those that name something as a list, others as they are."""
    found: list[str] = []
    for line in body:
        item = _ITEM.match(line)
        if item:
            found.append(f"- `{item[1].replace(', ', '`, `')}`: {item[2]}")
        elif line.startswith(" ") and found:
            found.append(f"  {line.strip()}")
        else:
            found.append(line)
    return found
