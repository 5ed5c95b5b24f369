"""Read a persona file: strict, bounded JSON, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luminora import _jsonc
from luminora.errors import PersonalityInvalid, PersonalityNotFound

MAX_BYTES = _jsonc.MAX_BYTES
"""Largest persona file, in bytes."""


def read(path: Path) -> dict[str, Any]:
    """Read the persona document in a file.

    Raises:
        PersonalityNotFound: There is no such file.
        PersonalityInvalid: It cannot be read, is too large, or is not one strict JSON object.
    """
    try:
        if not path.exists():
            raise PersonalityNotFound(
                "there is no such file",
                where=str(path),
                hint="check the path, or pass a persona's name",
            )
        if not path.is_file():
            raise PersonalityInvalid(
                "this is not a regular file", where=str(path), hint="give the path of a .json file"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PersonalityInvalid(
            f"the file cannot be read: {error}", where=repr(str(path)), hint="check its permissions"
        ) from error
    return parse(data, where=str(path))


def parse(data: bytes, *, where: str) -> dict[str, Any]:
    """Parse the bytes of a persona file; a UTF-8 byte order mark is allowed.

    Args:
        data: The file's content.
        where: The file's name, for errors.

    Raises:
        PersonalityInvalid: The bytes are not one strict JSON object within the limits.
    """
    document = _jsonc.parse(data, where, error=PersonalityInvalid)
    if not isinstance(document, dict):
        raise PersonalityInvalid(
            "a persona must be a JSON object",
            where=where,
            hint='start the file with { and put the sections "persona", "core_traits" … inside',
        )
    return document
