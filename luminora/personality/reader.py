"""Read a persona file as strict, bounded JSON.

Python's parser accepts NaN, keeps the last of two equal keys, admits lone surrogates that no
database stores, and overflows on deep nesting. A persona may come from anywhere, so all of that
is refused here, with the file's name.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from luminora.errors import PersonalityInvalid, PersonalityNotFound
from luminora.personality.strict import flaw, too_deep

MAX_BYTES = 1024 * 1024
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
    if len(data) > MAX_BYTES:
        raise PersonalityInvalid(
            f"the file is larger than {MAX_BYTES // 1024} KiB",
            where=where,
            hint="a persona needs a few KiB; keep pictures and long lore elsewhere",
        )
    document = _decode(data, where)
    if flawed := flaw(document):
        raise _invalid(flawed, where)
    if not isinstance(document, dict):
        raise PersonalityInvalid(
            "a persona must be a JSON object",
            where=where,
            hint='start the file with { and put the sections "persona", "core_traits" … inside',
        )
    return document


def _decode(data: bytes, where: str) -> Any:
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise PersonalityInvalid(
            f"the file is not UTF-8: byte {error.start} does not fit",
            where=where,
            hint="save the file with the encoding UTF-8",
        ) from error
    except json.JSONDecodeError as error:
        raise PersonalityInvalid(
            f"the file is not valid JSON: {error.msg}",
            where=f"{where}:{error.lineno}:{error.colno}",
            hint="look for a missing comma, quote or bracket there; comments are not allowed",
        ) from error
    except RecursionError as error:
        raise _invalid(too_deep(), where) from error
    except ValueError as error:
        raise PersonalityInvalid(str(error), where=where, hint="correct the file") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r} appears twice in one object; keep one of them")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number; use a number between the limits of its field")


def _invalid(flawed: tuple[str, str], where: str) -> PersonalityInvalid:
    message, hint = flawed
    return PersonalityInvalid(message, where=where, hint=hint)
