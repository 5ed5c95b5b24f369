"""What a provider's manifest lets one set: the source of the wizard's questions and of flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luminora._index import Offer

_NESTED = 2


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
