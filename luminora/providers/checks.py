"""What every storage refuses, alike on every database and before anything is written.

Names that are not declared, values of the wrong type, text that some database would cut or refuse,
and rows that are not the user's. A storage plugin passes each operation through here; what comes
out holds declared names only, so that nothing a caller wrote can reach the database's own language.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from luminora.errors import InputError
from luminora.providers.collections import COLLECTIONS, Collection, Field, FieldType
from luminora.providers.operations import EveryUser, Is, Row, Scope, Update, Where

MAX_STRING: Final = 255
"""Characters (code points) of a STRING field: what MySQL can index."""
MAX_JSON_DEPTH: Final = 64
MAX_IN: Final = 10_000
"""Values one ``Is("in", …)`` may hold: below the parameter limit of every driver."""

_INTEGER_BOUND: Final = 2**63
_SEARCHABLE: Final = frozenset(FieldType) - {FieldType.JSON, FieldType.STRINGS}


def declared(name: str) -> Collection:
    """The collection of that name.

    Raises:
        InputError: There is none.
    """
    try:
        return COLLECTIONS[name]
    except (KeyError, TypeError):
        _unknown("collection", name, COLLECTIONS, "the declared ones")


def field_of(collection: Collection, name: str) -> Field:
    """The field of that name.

    Raises:
        InputError: There is none.
    """
    try:
        return collection.fields[name]
    except (KeyError, TypeError):
        _unknown("field", name, collection.fields, f"those of '{collection.name}'")


def confined_to(collection: Collection, user_id: Scope) -> str | None:
    """The user whose rows alone may be touched, or None for all users' rows.

    Raises:
        InputError: No usable user id, or a user's id where rows belong to no user.
    """
    if isinstance(user_id, EveryUser):
        return None
    if not collection.per_user:
        raise InputError(
            f"the collection '{collection.name}' belongs to no user",
            hint="pass EVERY_USER: this is maintenance",
        )
    if not isinstance(user_id, str) or not user_id:
        raise InputError("user_id has to be a text that is not empty")
    check_text(user_id, "user_id", limit=MAX_STRING)
    return user_id


def own_row(collection: Collection, user: str | None, row: Row) -> Row:
    """``row`` checked field by field and filed under ``user``; its key is complete.

    Raises:
        InputError: A name, a value or the owner does not fit.
    """
    checked = own_values(collection, user, row)
    if user is not None:
        checked["user_id"] = user
    wanted = (*collection.key, "user_id") if collection.per_user else collection.key
    absent = [name for name in wanted if checked.get(name) is None]
    if absent:
        raise InputError(f"a row of '{collection.name}' needs {', '.join(absent)}")
    return checked


def own_values(collection: Collection, user: str | None, values: Mapping[str, Any]) -> Row:
    """``values`` checked field by field; a ``user_id`` among them has to be ``user``'s.

    Raises:
        InputError: A name, a value or the owner does not fit.
    """
    if user is not None and values.get("user_id", user) != user:
        raise InputError(
            f"a row of '{collection.name}' names another user than the operation",
            hint="leave user_id out of the row, or pass that user's id to the operation",
        )
    return {
        name: checked(name, field_of(collection, name), value) for name, value in values.items()
    }


def own_changes(
    collection: Collection, user: str | None, operation: Update
) -> tuple[Row, dict[str, Any], dict[str, tuple[Any, ...]]]:
    """What an update sets, what it adds to numbers, and the bounds of the sums; all checked.

    Raises:
        InputError: It changes nothing, something that never changes, or to something unusable.
    """
    names = [*operation.set, *operation.increment]
    if not names:
        raise InputError(f"an update of '{collection.name}' changes nothing")
    if set(operation.set) & set(operation.increment):
        raise InputError("a field cannot be set and incremented at once")
    if not operation.clamp.keys() <= operation.increment.keys():
        raise InputError("clamp bounds incremented fields only")
    for name in operation.increment:
        if field_of(collection, name).type not in {FieldType.INTEGER, FieldType.FLOAT}:
            raise InputError(f"'{name}' is no number and cannot be incremented")
    fixed = set(collection.key)
    if collection.per_user and operation.set.get("user_id", operation.user_id) != operation.user_id:
        fixed.add("user_id")
    if fixed & set(names):
        raise InputError(f"{', '.join(sorted(fixed & set(names)))} of a row never changes")
    values = own_values(collection, user, operation.set)
    values.pop("user_id", None)
    steps = {
        name: checked(name, field_of(collection, name), step)
        for name, step in operation.increment.items()
    }
    bounds = {
        name: tuple(checked(name, field_of(collection, name), bound) for bound in pair)
        for name, pair in operation.clamp.items()
    }
    return values, steps, bounds


def missing(collection: Collection, row: Row) -> list[str]:
    """The fields a new row needs and ``row`` lacks."""
    return [
        name for name, field in collection.fields.items() if name not in row and not field.nullable
    ]


def own_where(collection: Collection, user: str | None, where: Where) -> dict[str, Is]:
    """The conditions that have to hold, each as :class:`Is` with a checked value.

    Equality comes out as ``Is("in", [value])`` with one value, None included; ``user`` is the
    first condition.

    Raises:
        InputError: A name or a value does not fit.
    """
    conditions = {} if user is None else {"user_id": Is("in", [user])}
    for name, wanted in where.items():
        field = field_of(collection, name)
        if name == "user_id" and user is not None:
            if wanted != user:
                raise InputError("the conditions name another user than the operation")
            continue
        conditions[name] = _condition(name, field, wanted)
    return conditions


def order_of(collection: Collection, order: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """Fields and whether each descends; the key comes last, so that the order is total.

    Raises:
        InputError: A field is not declared or has no order.
    """
    chosen: dict[str, bool] = {}
    for entry in order:
        name = entry.removeprefix("-")
        if field_of(collection, name).type not in _SEARCHABLE:
            raise InputError(f"'{collection.name}' cannot be sorted by '{name}'")
        chosen.setdefault(name, entry.startswith("-"))
    for name in collection.key:
        chosen.setdefault(name, False)
    return tuple(chosen.items())


def checked(name: str, field: Field, value: Any) -> Any:
    """``value`` as a field of that type keeps it: timestamps in UTC, lists as lists.

    Raises:
        InputError: It does not fit the field.
    """
    if value is None:
        if field.nullable or field.type is FieldType.JSON:
            return None
        raise InputError(f"'{name}' cannot be None")
    return _CHECKS[field.type](value, name)


def check_text(value: Any, name: str, *, limit: int | None = None) -> str:
    """``value`` itself, if every database can keep it byte for byte.

    Raises:
        InputError: No text, too long, a NUL character, or half of a surrogate pair.
    """
    if not isinstance(value, str):
        _wrong_type(name, "text", value)
    if limit is not None and len(value) > limit:
        raise InputError(f"'{name}' has {len(value)} characters; at most {limit} are possible")
    if "\0" in value:
        raise InputError(f"'{name}' holds a NUL character, which no database keeps")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"'{name}' holds half of a surrogate pair at position {error.start}, "
                "which is no character"
            ) from None
    return value


def check_json(value: Any, name: str, depth: int = 0) -> None:
    """Refuse what JSON, or one database's JSON, cannot keep.

    Raises:
        InputError: Too deep, not finite, beyond 64 bits, a key that is no text, bad text.
    """
    if depth > MAX_JSON_DEPTH:
        raise InputError(f"'{name}' is nested deeper than {MAX_JSON_DEPTH} levels")
    if isinstance(value, str):
        check_text(value, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, f"{name}, a key")
            check_json(item, name, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check_json(item, name, depth + 1)
    elif isinstance(value, float):
        _number(value, name)
    elif isinstance(value, int) and not isinstance(value, bool):
        _integer(value, name)
    elif value is not None and not isinstance(value, bool):
        _wrong_type(name, "JSON", value)


def _condition(name: str, field: Field, wanted: Any) -> Is:
    condition = wanted if isinstance(wanted, Is) else Is("in", [wanted])
    loose = Field(field.type, nullable=True)
    if condition.op == "in":
        values = list(condition.value)
        if len(values) > MAX_IN:
            raise InputError(f"'{name}' in {len(values)} values: at most {MAX_IN} are possible")
    elif condition.op in {"<", "<=", ">", ">=", "!="}:
        values = [condition.value]
    else:
        raise InputError(f"no such condition: {condition.op!r}")
    if condition.op not in {"in", "!="} and condition.value is None:
        raise InputError(f"'{name}' {condition.op} None means nothing")
    if field.type not in _SEARCHABLE and any(value is not None for value in values):
        raise InputError(f"'{name}' is {field.type.value}: it can only be compared with None")
    values = [checked(name, loose, value) for value in values]
    return Is(condition.op, values if condition.op == "in" else values[0])


def _string(value: Any, name: str) -> str:
    return check_text(value, name, limit=MAX_STRING)


def _strings(value: Any, name: str) -> list[str]:
    if not isinstance(value, list | tuple):
        _wrong_type(name, "a list of text", value)
    return [check_text(item, name) for item in value]


def _json(value: Any, name: str) -> Any:
    check_json(value, name)
    return value


def _boolean(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        _wrong_type(name, "True or False", value)
    return value


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _wrong_type(name, "a whole number", value)
    if not -_INTEGER_BOUND <= value < _INTEGER_BOUND:
        raise InputError(f"'{name}' does not fit in 64 bits")
    return value


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        _wrong_type(name, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"'{name}' has to be a finite number")
    return number


def _timestamp(value: Any, name: str) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        _wrong_type(name, "a datetime with a time zone", value)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InputError(f"'{name}' lies outside the years 1 to 9999 in UTC") from None


def _wrong_type(name: str, wanted: str, value: Any) -> NoReturn:
    raise InputError(f"'{name}' has to be {wanted}, not {type(value).__name__}")


def _unknown(what: str, name: object, known: Iterable[str], place: str) -> NoReturn:
    close = get_close_matches(str(name), list(known), n=1)
    raise InputError(
        f"no {what} '{name}' among {place}",
        hint=f"did you mean '{close[0]}'?" if close else None,
    )


_CHECKS: Final[Mapping[FieldType, Callable[[Any, str], Any]]] = {
    FieldType.STRING: _string,
    FieldType.TEXT: check_text,
    FieldType.INTEGER: _integer,
    FieldType.FLOAT: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.TIMESTAMP: _timestamp,
    FieldType.JSON: _json,
    FieldType.STRINGS: _strings,
}
