"""Read JSON that people write: comments and trailing commas pass, everything doubtful does not.

Input is bounded and UTF-8; duplicate keys, NaN, infinities and lone surrogates are refused. The
fast path is the standard parser; where things stand in the text is worked out for errors alone.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

from luminora.errors import ConfigError, LuminoraError

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<mark>[{}\[\],:])
    |(?P<atom>[^\s{}\[\],:"/]+)""",
    re.VERBOSE | re.DOTALL,
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def parse(source: str | bytes, origin: str, *, error: type[LuminoraError] = ConfigError) -> Any:
    """The value that ``source`` holds.

    Args:
        source: The document; bytes must be UTF-8, with or without a byte-order mark.
        origin: What to call it in errors, usually the file's name.
        error: The exception to raise, so that each reader's errors stay its own.

    Raises:
        LuminoraError: Of the class ``error``; ``where`` gives line and JSON pointer. The message
            never quotes a value.
    """
    try:
        text = _decode(source)
        plain = _plain(text)
        value = json.loads(
            plain,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if _SURROGATE.search(plain):
            _refuse_surrogates(plain)
    except _Malformed as problem:
        line, pointer, reason = problem.line, problem.pointer, problem.reason
    except json.JSONDecodeError as problem:
        line, pointer, reason = problem.lineno, _pointer_at(plain, problem.pos), problem.msg
        reason = f"malformed JSON: {reason[0].lower()}{reason[1:]} (column {problem.colno})"
    except _Refused as problem:
        line, pointer = _locate(plain, problem.lexeme)
        reason = problem.reason
    except ValueError:  # Python's own bound on the digits of an integer
        line, pointer, reason = None, "", "a number has too many digits"
    else:
        return value
    place = f"{origin}:{line}" if line else origin
    pointer = pointer.encode("utf-8", "replace").decode()
    raise error(reason, where=f"{place} ({pointer})" if pointer else place) from None


def lines(text: str) -> dict[str, int]:
    """The line (from 1) on which each value's entry begins, by JSON pointer; the root is ``""``.

    Of a document that :func:`parse` accepts; for others it holds what can be made out.
    """
    breaks = [match.start() for match in re.finditer("\n", text)]
    return {place.pointer: bisect_right(breaks, place.start) + 1 for place in _walk(text)}


def escape(key: str | int) -> str:
    """``key`` as one step of a JSON pointer, after RFC 6901."""
    return str(key).replace("~", "~0").replace("/", "~1")


class _Malformed(Exception):
    """The text is refused and its place is known."""

    def __init__(self, reason: str, line: int | None = None, pointer: str = "") -> None:
        self.reason, self.line, self.pointer = reason, line, pointer


class _Refused(Exception):
    """A hook of the standard parser refused something; its place must be looked for."""

    def __init__(self, reason: str, lexeme: str | None = None) -> None:
        self.reason, self.lexeme = reason, lexeme


class _Place(NamedTuple):
    pointer: str
    start: int  # of the key in an object, else of the value
    lexeme: str  # the value's first token


def _decode(source: str | bytes) -> str:
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise _Malformed(f"larger than {MAX_BYTES >> 20} MiB")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = source.count(b"\n", 0, problem.start) + 1
        raise _Malformed("not UTF-8; save the file with that encoding", line) from None


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            what = {'"': "a text is never closed", "/": "a comment is never closed"}
            raise _Malformed(
                f"malformed JSON: {what.get(text[position], 'an unexpected character')}",
                text.count("\n", 0, position) + 1,
            )
        yield token
        position = token.end()


def _plain(text: str) -> str:
    """``text`` with spaces for comments and trailing commas, every position kept."""
    parts: list[str] = []
    comma: int | None = None  # index in parts of a comma that may turn out to be trailing
    before = ""
    depth = 0
    for match in _tokens(text):
        lexeme = match.group()
        if match.lastgroup == "blank":
            parts.append(re.sub(r"[^\n]", " ", lexeme) if lexeme[0] == "/" else lexeme)
            continue
        if lexeme in "}]" and comma is not None:
            parts[comma] = " "
        comma = len(parts) if lexeme == "," and before not in ("", "{", "[", ",", ":") else None
        depth += (lexeme in "{[") - (lexeme in "}]")
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, match.start()) + 1
            raise _Malformed(f"nested more than {MAX_DEPTH} levels deep", line)
        parts.append(lexeme)
        before = lexeme
    return "".join(parts)


def _walk(text: str) -> Iterator[_Place]:
    """Every value with its pointer, in order of the text."""
    path: list[tuple[str, int | None]] = []  # container's pointer, next index (None: an object)
    key: tuple[str, int] | None = None
    try:
        for match in _tokens(text):
            lexeme, start = match.group(), match.start()
            parent, index = path[-1] if path else ("", None)
            if match.lastgroup == "blank" or lexeme == ":":
                continue
            if lexeme == ",":
                path[-1] = (parent, None if index is None else index + 1)
            elif lexeme in "}]":
                path.pop()
            elif path and index is None and key is None:
                key = (f"{parent}/{escape(json.loads(lexeme, strict=False))}", start)
            else:
                pointer, begin = key or (f"{parent}/{index}" if path else "", start)
                key = None
                yield _Place(pointer, begin, lexeme)
                if lexeme in "{[":
                    path.append((pointer, None if lexeme == "{" else 0))
    except (_Malformed, ValueError, TypeError, IndexError):
        return  # the text is malformed from here on


def _pointer_at(text: str, position: int) -> str:
    pointer = ""
    for place in _walk(text):
        if place.start > position:
            break
        pointer = place.pointer
    return pointer


def _locate(text: str, lexeme: str | None) -> tuple[int, str]:
    """Line and pointer of the value spelt ``lexeme``, or of the first pointer that comes twice."""
    seen: set[str] = set()
    for place in _walk(text):
        if place.lexeme == lexeme or (lexeme is None and place.pointer in seen):
            return text.count("\n", 0, place.start) + 1, place.pointer
        seen.add(place.pointer)
    return 1, ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Refused("the same key is given twice")
    return found


def _refuse_constant(token: str) -> Any:
    raise _Refused(f"{token} is not JSON; use a number or null", token)


def _finite(token: str) -> float:
    number = float(token)
    if not isfinite(number):
        raise _Refused("a number is too large", token)
    return number


def _refuse_surrogates(text: str) -> None:
    for match in _tokens(text):
        if match.lastgroup == "string" and _SURROGATE.search(match.group()):
            try:
                json.loads(match.group(), strict=False).encode()
            except UnicodeEncodeError:
                line = text.count("\n", 0, match.start()) + 1
                raise _Malformed(
                    "a text holds half of a surrogate pair, which is no character",
                    line,
                    _pointer_at(text, match.start()),
                ) from None
