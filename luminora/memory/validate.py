"""What a caller may pass in: texts and ids, checked before anything is written."""

from __future__ import annotations

from typing import Any

from luminora.errors import InputError

MAX_ID = 255


def checked_text(value: Any, limit: int, where: str) -> str:
    """``value`` if it is text that every database keeps byte for byte.

    Raises:
        InputError: It is not text, empty, longer than ``limit`` characters, or holds a
            NUL character or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InputError(f"expected text, found {type(value).__name__}", where=where)
    if not value:
        raise InputError("the text is empty", where=where, hint="send at least one character")
    if len(value) > limit:
        raise InputError(
            f"the text has {len(value):,} characters and the limit is {limit:,}",
            where=where,
            hint="split it, or raise memory.max_message_chars in luminora.json"
            if limit > MAX_ID
            else "use a shorter one",
        )
    if "\0" in value:
        raise InputError(
            f"there is a NUL character at position {value.index(chr(0))}",
            where=where,
            hint="remove it: not every database can keep it",
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"there is a lone surrogate at position {error.start}, which is not a character",
            where=where,
            hint="decode the text with errors='replace' before sending it",
        ) from None
    return value


def checked_id(value: Any, what: str) -> str:
    """``value`` if it can be an id: text of 1 to 255 characters."""
    return checked_text(value, MAX_ID, what)


def checked_count(value: Any, what: str, most: int) -> int:
    """``value`` if it is a whole number from 1 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InputError(f"{what} is {value!r:.60}", hint=f"pass a whole number from 1 to {most}")
    return value


def clean(text: str) -> str:
    """A model's ``text`` without NUL characters and lone surrogates, which no database keeps."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
