"""What a provider's manifest lets one set: the source of the wizard's questions and of flags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora._index import Offer
    from luminora.config import Config

_NESTED = 2
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WORDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One property of a provider's ``config``.

    Attributes:
        path: Where it stands in ``config``: ``("models", "main")``.
        type: Its JSON types: ``("string",)``, ``("integer", "null")``.
        description: What it is, from the manifest.
        prompt: The wizard's question; None if it does not ask for this one.
        default: What holds if nobody says anything; None if nothing does.
        required: Whether the provider insists on it.
        secret: Whether the value is the name of an environment variable that holds a secret.
        choices: The values allowed, where they are listed.
        schema: The property's whole schema.
    """

    path: tuple[str, ...]
    type: tuple[str, ...]
    description: str
    prompt: str | None
    default: Any
    required: bool
    secret: bool
    choices: tuple[Any, ...]
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its path with dots: ``models.main``."""
        return ".".join(self.path)

    @property
    def flag(self) -> str:
        """Its flag on the command line: ``--models-main``."""
        return f"--{'-'.join(self.path).replace('_', '-')}"


def settings_of(offer: Offer) -> list[Setting]:
    """Everything an offer's ``config`` may hold, in the manifest's order.

    Objects with declared properties are taken apart; other objects and lists are one setting each,
    whose text is JSON.
    """
    from luminora.schema import config_schema

    return list(_settings(config_schema(offer), ()))


def _settings(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Setting]:
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        here = (*path, name)
        if not isinstance(part, Mapping):
            continue
        if part.get("properties") and len(here) < _NESTED:
            yield from _settings(part, here)
            continue
        types = part.get("type", ())
        yield Setting(
            path=here,
            type=(types,) if isinstance(types, str) else tuple(types),
            description=part.get("description", ""),
            prompt=part.get("x-luminora-prompt"),
            default=part.get("default"),
            required=name in required,
            secret=bool(part.get("x-luminora-secret")),
            choices=tuple(part.get("enum", ())),
            schema=part,
        )


def described(config: Config, path: tuple[str, ...]) -> Mapping[str, Any]:
    """What the schema says of the value at ``path`` of a configuration; empty if nothing."""
    from luminora import schema
    from luminora._shapes import PROVIDERS

    if path[0] in PROVIDERS and path[1:2] == ("config",):
        offer = schema.offered(config.index, path[0], config.document.get(path[0]))
        return schema.at(schema.config_schema(offer), path[2:]) if offer else {}
    return schema.at(schema.base(), path)


def value_of(part: Mapping[str, Any], text: str) -> Any:
    """What was typed, as the JSON value that a property's schema wants.

    Args:
        part: The property's schema; an empty one takes JSON, and anything else as text.
        text: What was typed; lists and objects are JSON.

    Raises:
        InputError: It cannot be such a value.
    """
    from luminora.config import literal

    if choices := part.get("enum"):
        return _choice(choices, text)
    types = part.get("type", ())
    types = (types,) if isinstance(types, str) else tuple(types)
    if text == "null" and "null" in types:
        return None
    if not types or ("string" in types and not (text[:1] in {"{", "["} and len(types) > 1)):
        return text if types else literal(text)
    if "boolean" in types and text.lower() in _SWITCH:
        return _SWITCH[text.lower()]
    value = literal(text)
    found = _kind(value)
    if found in types or (found == "integer" and "number" in types):
        return value
    wanted = " or ".join(_WORDS.get(name, name) for name in types)
    raise InputError(f"{_shown(text)} is not {wanted}{_advice(types)}")


def _choice(choices: Sequence[Any], text: str) -> Any:
    from luminora._index import suggestion

    spelt = {one if isinstance(one, str) else json.dumps(one): one for one in choices}
    if text not in spelt:
        raise InputError(
            f"{_shown(text)} is not one of {', '.join(spelt)}{suggestion(text, spelt)}"
        )
    return spelt[text]


def _kind(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")


def _advice(types: Sequence[str]) -> str:
    if "array" in types:
        return """; write it as JSON, such as '["one", "two"]'"""
    return """; write it as JSON, such as '{"name": 1}'""" if "object" in types else ""


def _shown(text: str) -> str:
    from luminora._secrets import reason

    return "this" if reason("", text) else f"'{text[:60]}'"
