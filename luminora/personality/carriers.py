"""The files character cards travel in: JSON, a PNG text chunk, or a CHARX archive.

Everything read here comes from strangers. Sizes are bounded before anything is unpacked, checksums
are checked, nothing of an archive is ever written to disk, and whatever is wrong is one
`PersonalityInvalid` that says so.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from luminora.errors import LuminoraError, PersonalityInvalid, PersonalityNotFound
from luminora.personality.reader import MAX_BYTES, parse

MAX_FILE_BYTES = 32 << 20
"""Largest card file, picture and assets included."""

MAX_ENTRIES = 4096
"""Most entries an archive may have."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORDS = (b"ccv3", b"chara")
_SIDE = 64


def read_card(path: str | Path) -> dict[str, Any]:
    """The card a file carries, as parsed JSON; what it means is not looked at.

    Raises:
        PersonalityNotFound: There is no such file.
        PersonalityInvalid: The file is too large, damaged, or carries no card.
    """
    return parse_card(read_file(path), where=str(path))


def read_file(path: str | Path) -> bytes:
    """The bytes of a card or persona file, one more than allowed at most.

    Raises:
        PersonalityNotFound: There is no such file.
        PersonalityInvalid: It cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise PersonalityNotFound(
            "there is no such file", where=str(path), hint="check the path of the card"
        ) from None
    except (OSError, ValueError) as error:
        raise _bad(
            f"the file cannot be read: {error}", repr(str(path)), "check the path"
        ) from error


def parse_card(data: bytes, *, where: str = "card") -> dict[str, Any]:
    """The card in the bytes of a JSON, PNG or CHARX file, told apart by content.

    Raises:
        PersonalityInvalid: As for `read_card`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise _bad(f"larger than {MAX_FILE_BYTES >> 20} MiB", where, "cards are far smaller")
    if data.startswith(_SIGNATURE):
        return parse(_from_png(data, where), where=where)
    if data.startswith(b"PK") or zipfile.is_zipfile(io.BytesIO(data)):
        return parse(_from_charx(data, where), where=f"{where} (card.json)")
    return parse(data, where=where)


def card_json(card: Mapping[str, Any]) -> bytes:
    """A card as the bytes of a JSON file."""
    return (json.dumps(card, ensure_ascii=False, indent=2) + "\n").encode()


def card_png(card: Mapping[str, Any], picture: bytes | None = None) -> bytes:
    """A card inside a picture, in the chunk of its version; cards already there are replaced.

    Args:
        card: A V2 or V3 card.
        picture: A PNG file; a small plain one is made if absent.

    Raises:
        PersonalityInvalid: ``picture`` is not a sound PNG file.
    """
    import png  # noqa: PLC0415 - only cards need it

    keyword = b"ccv3" if card.get("spec") == "chara_card_v3" else b"chara"
    text = json.dumps(card, ensure_ascii=False, separators=(",", ":")).encode()
    chunk = (b"tEXt", keyword + b"\0" + base64.b64encode(text))
    source = _plain_picture() if picture is None else picture
    if not source.startswith(_SIGNATURE):
        raise _bad("the picture is not a PNG file", "picture", "convert it to PNG first")
    kept = [
        (kind, body)
        for kind, body in _chunks(source, "picture")
        if not (kind == b"tEXt" and body.partition(b"\0")[0] in _KEYWORDS)
    ]
    out = io.BytesIO()
    png.write_chunks(out, [*kept[:-1], chunk, kept[-1]])
    return out.getvalue()


def _chunks(data: bytes, where: str) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG file, each with its checksum verified, up to and including IEND."""
    import png  # noqa: PLC0415

    hint = "the file is damaged or cut off; download it again as the original file"
    reader = png.Reader(bytes=data)
    kind = b""
    try:
        while kind != b"IEND":
            kind, body = reader.chunk()
            yield bytes(kind), bytes(body)
    except (png.Error, EOFError, struct.error, ValueError) as error:
        raise _bad(f"this is no sound PNG file: {error}", where, hint) from error


def _from_png(data: bytes, where: str) -> bytes:
    found: dict[bytes, bytes] = {}
    for kind, body in _chunks(data, where):
        keyword, _, text = body.partition(b"\0")
        if kind == b"tEXt" and keyword in _KEYWORDS:
            found.setdefault(keyword, text)
    # Version 3 first: a V2 card beside it is a copy for older readers.
    carried = [found[keyword] for keyword in _KEYWORDS if keyword in found]
    if not carried:
        hint = "sites that resize pictures drop it; download the original file"
        raise _bad("this picture carries no character card", where, hint)
    text = carried[0]
    if len(text) > MAX_BYTES * 4 // 3 + 4:
        raise _bad(f"the card is larger than {MAX_BYTES >> 20} MiB", where, "shorten the card")
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        hint = "export the card again from where it came"
        raise _bad(f"the card is not valid base64: {error}", where, hint) from error


def _from_charx(data: bytes, where: str) -> bytes:
    hint = "export the card again, as an ordinary zip file without a password"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _card_entry(archive, where, hint)
            with archive.open(entry) as stream:
                # The declared size may lie: what counts is what comes out.
                text = stream.read(MAX_BYTES + 1)
    except LuminoraError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise _bad(f"this is no sound CHARX archive: {error}", where, hint) from error
    if len(text) > MAX_BYTES:
        raise _bad(f"card.json is larger than {MAX_BYTES >> 20} MiB", where, "shorten the card")
    return text


def _card_entry(archive: zipfile.ZipFile, where: str, hint: str) -> zipfile.ZipInfo:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise _bad(f"the archive has more than {MAX_ENTRIES} entries", where, hint)
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in entry.filename:
            raise _bad(f"the entry {entry.filename[:80]!a} leaves the archive", where, hint)
    cards = [entry for entry in entries if entry.filename == "card.json"]
    if len(cards) != 1:
        count = "no card.json" if not cards else f"{len(cards)} entries named card.json"
        raise _bad(f"the archive holds {count}", where, hint)
    if cards[0].flag_bits & 1:
        raise _bad("card.json is encrypted", where, hint)
    if cards[0].file_size > MAX_BYTES:
        raise _bad(f"card.json is larger than {MAX_BYTES >> 20} MiB", where, "shorten the card")
    return cards[0]


def _plain_picture() -> bytes:
    """A small square that brightens downwards: a card needs a picture, any picture."""
    import png  # noqa: PLC0415

    rows = [[80 + 2 * y, 70 + y, 120 + y] * _SIDE for y in range(_SIDE)]
    out = io.BytesIO()
    png.Writer(width=_SIDE, height=_SIDE, greyscale=False, bitdepth=8).write(out, rows)
    return out.getvalue()


def _bad(message: str, where: str, hint: str) -> PersonalityInvalid:
    return PersonalityInvalid(message, where=where, hint=hint)
