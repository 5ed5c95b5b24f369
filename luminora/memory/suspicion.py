"""Texts that give orders to the companion instead of telling it something, and how they do it.

Rules in English and Spanish over several readings of a text: as it looks (accents, look-alike
letters and invisible characters folded away), and what it hides as base64, hex, ROT13, reversed,
spelled with digits or letter by letter. The rules look for orders *to the companion* about how it
works; a reminder, a wish or a story is none.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from luminora.memory.orders import RULEBOOK
from luminora.providers.lexical import fold

_MAX_CHARS = 100_000

_LOOKALIKES = str.maketrans(
    "аеорсухіѕјԁһӏвмнткгиαεορτυικνβηѡɡı",
    "aeopcyxisjdhlbmhtkruaeoptuiknbnwgi",
)
_DIGITS = str.maketrans("0134578@$!", "oieastbasi")
_SPELLED = re.compile(r"(?<!\w)(?:\w[ .\-_*·|/])+\w(?!\w)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){12,}")
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+|\n+")
_MAX_HIDDEN = 20
_TAGS, _ASCII = 0xE0000, range(0x20, 0x7F)  # Unicode's invisible copies of ASCII


def techniques(text: str) -> tuple[str, ...]:
    """How a text tries to give the companion orders; empty if it does not.

    Names are ``override``, ``orders``, ``affinity``, ``role``, and ``hidden`` if it had to be
    deciphered first. Text beyond 100,000 characters is not looked at.
    """
    plain, hidden = _readings(text[:_MAX_CHARS])
    found = [name for name, rule in RULEBOOK if rule.search(plain)]
    for reading in hidden:
        more = [name for name, rule in RULEBOOK if name not in found and rule.search(reading)]
        if more:
            found += more
            found += ["hidden"] if "hidden" not in found else []
    return tuple(found)


def innocent(text: str) -> str:
    """The sentences of a text that give no orders, if a sentence alone can be judged."""
    sentences = _SENTENCE.split(text[:_MAX_CHARS])
    return " ".join(one for one in sentences if not techniques(one))


def _readings(text: str) -> tuple[str, list[str]]:
    """A text as it looks, and what it might hide."""
    seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
    plain = _folded(seen)
    hidden = [_folded(one) for one in _deciphered(text, seen)]
    hidden.append(re.sub(r"(?<=\w)[013457@$!]|[013457@$!](?=\w)", _letter, plain))
    return plain, [one for one in hidden if one != plain]


def _folded(text: str) -> str:
    compatible = unicodedata.normalize("NFKC", text).lower().translate(_LOOKALIKES)
    return re.sub(r"[^\S\n]+", " ", fold(compatible).replace("\u2019", "'"))


def _joined(found: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*·|/]", "", found[0])


def _letter(found: re.Match[str]) -> str:
    return found[0].translate(_DIGITS)


def _deciphered(text: str, seen: str) -> Iterator[str]:
    tags = [chr(ord(char) - _TAGS) for char in text if ord(char) - _TAGS in _ASCII]
    if tags:
        yield "".join(tags)
    for other in (html.unescape(seen), unquote(seen), codecs.decode(seen, "rot13"), seen[::-1]):
        if other != seen:
            yield other
    if _SPELLED.search(seen):  # words are told apart by wider gaps
        yield " ".join(_SPELLED.sub(_joined, word) for word in re.split(r"\s{2,}", seen))
    for found in list(_BASE64.finditer(seen))[:_MAX_HIDDEN]:
        data = found[0].translate(str.maketrans("-_", "+/")).rstrip("=")
        try:
            yield base64.b64decode(data + "=" * (-len(data) % 4)).decode()
        except (binascii.Error, ValueError):
            continue
    for found in list(_HEX.finditer(seen))[:_MAX_HIDDEN]:
        try:
            yield bytes.fromhex(re.sub(r"[ :]", "", found[0])).decode()
        except ValueError:
            continue
