"""Which tables statements name, as far as that can be read off them.

Good enough to warn of what a rollback costs and to check a baseline; nothing is executed by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NAME = r'[`"]?(?P<name>\w+)[`"]?'
_CREATE = re.compile(
    rf"\s*CREATE\s+(?:VIRTUAL\s+|UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}",
    re.IGNORECASE,
)
_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s", re.IGNORECASE)
_HARM = re.compile(
    r"\s*(?:(?:DROP|ALTER|TRUNCATE)\s+(?:TABLE\s+)?|DELETE\s+FROM\s+)(?:IF\s+EXISTS\s+)?"
    rf"(?:ONLY\s+)?{_NAME}",
    re.IGNORECASE,
)


def created(statements: Iterable[Any]) -> set[str]:
    """The tables (collections) that the statements create; virtual ones are not counted."""
    found = set()
    for statement in statements:
        if isinstance(statement, dict):
            found |= _named(statement, "create", "create_table")
        elif (match := _CREATE.match(statement)) and not _VIRTUAL.match(statement):
            found.add(match["name"])
    return found


def endangered(statements: Iterable[Any], tables: Mapping[str, int]) -> dict[str, int]:
    """The existing tables that the statements drop or change, and the rows in each."""
    found: dict[str, int] = {}
    for statement in statements:
        if isinstance(statement, dict):
            names = _named(statement, "drop", "delete_table", "collMod", "update_table")
        else:
            names = {match["name"]} if (match := _HARM.match(statement)) else set()
        found |= {name: tables[name] for name in names if name in tables}
    return found


def _named(command: Mapping[str, Any], *verbs: str) -> set[str]:
    values = (command[verb] for verb in verbs if verb in command)
    return {one["TableName"] if isinstance(one, dict) else one for one in values}
