"""What card texts hold besides text: macros and markup, taken out in time linear in the text."""

from __future__ import annotations

import re

_CHAR = re.compile(r"\{\{char\}\}|<(?:bot|char)>", re.IGNORECASE)
_USER = re.compile(r"\{\{user\}\}|<user>", re.IGNORECASE)
_VOCATIVE = re.compile(
    r"(?:,[ \t]*|(?<![ \t])[ \t]+|)(?:\{\{user\}\}|<user>)(?=\s*[.,;!?…])", re.IGNORECASE
)
_COMMENT = re.compile(r"\{\{//[^{}]*\}\}")
_TAG = re.compile(r"<!--|<(/?)([a-zA-Z][a-zA-Z0-9:-]*)(?:[\s/][^<>]*)?>|<[!?][^<>]*>")
_BLOCKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4"})
_HIDDEN = frozenset(
    {"script", "style", "iframe", "object", "template", "noscript", "svg", "math", "title"}
)
_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
_BLANKS = re.compile(r"(?<![ \t])[ \t]+\n")
_HEADING = re.compile(r"^[ \t]*#+[ \t]*", re.MULTILINE)
_LINES = re.compile(r"\n{3,}")


def told(text: str, *, char: str, user: str) -> str:
    """A description as plain text: markup gone, ``{{char}}`` and ``{{user}}`` named.

    Markdown headings become ordinary lines, since ours divide the prompt.
    """
    return _HEADING.sub("", without_markup(_USER.sub(lambda _: user, _named(text, char))))


def spoken(text: str, *, char: str, user: str) -> str:
    """Something the companion says as is; where it only calls the user by name, the name goes."""
    return told(_VOCATIVE.sub("", text), char=char, user=user)


def without_markup(text: str) -> str:
    """Text without HTML: scripts and styles go with their content, other tags leave theirs.

    What could still open a tag afterwards (``<scr<b></b>ipt>``) gets a blank after its ``<``.
    """
    parts: list[str] = []
    position, hidden = 0, ""
    for match in _TAG.finditer(text):
        if match.start() < position:
            continue
        if not hidden:
            parts.append(text[position : match.start()])
        position = match.end()
        name = (match[2] or "").lower()
        if match[0] == "<!--" and not hidden:
            end = text.find("-->", position)
            position = len(text) if end < 0 else end + 3
        elif hidden:
            hidden = "" if match[1] and name == hidden else hidden
        elif name in _HIDDEN and not match[1] and not match[0].endswith("/>"):
            hidden = name
        elif name in _BLOCKS:
            parts.append("\n")
    if not hidden:
        parts.append(text[position:])
    plain = _OPENING.sub("< ", "".join(parts))
    return _LINES.sub("\n\n", _BLANKS.sub("\n", plain)).strip()


def _named(text: str, char: str) -> str:
    plain = text.replace("\r\n", "\n")
    return _CHAR.sub(lambda _: char, _COMMENT.sub("", plain))
