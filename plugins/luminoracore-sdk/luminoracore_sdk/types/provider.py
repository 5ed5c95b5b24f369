"""Which language model answers, given with the call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from luminora.errors import InputError


@dataclass
class ProviderConfig:
    """A language model and how to reach it.

    Attributes:
        name: The provider: ``deepseek``, ``openai``, ``anthropic`` …; its plugin has to be
            installed.
        api_key: The key itself. It lives in the memory of the process and nowhere else: it is
            not stored, not logged, and not part of the ``repr``. Left out, the plugin's own
            environment variable holds it.
        model: The vendor's id of the model; left out, the plugin's default.
        base_url: Where the API is, if not at the vendor's.
        extra: Further settings of the provider, as ``luminora.json`` spells them; ``timeout`` is
            understood as ``timeout_seconds``, and ``max_retries`` is ignored (the ``gateway``
            provider retries).
    """

    name: str
    api_key: str | None = field(default=None, repr=False)
    model: str | None = None
    base_url: str | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, given: Self | Mapping[str, Any]) -> Self:
        """``given``, which may be a mapping of the same fields.

        Raises:
            InputError: A field is unknown, or there is no name.
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise InputError(
                f"a provider_config is a ProviderConfig or a mapping, not {type(given).__name__}",
                hint='provider_config=ProviderConfig(name="deepseek", api_key="…")',
            )
        unknown = sorted(map(str, set(given) - set(cls.__dataclass_fields__)))
        if unknown or not given.get("name"):
            what = f"has unknown fields: {', '.join(unknown)}" if unknown else "names no provider"
            raise InputError(
                f"the provider_config {what}",
                hint=f"its fields are {', '.join(cls.__dataclass_fields__)}",
            )
        return cls(**{**given, "extra": dict(given.get("extra") or {})})

    def identity(self) -> tuple[str, ...]:
        """Equal for two that would be built alike."""
        extra = json.dumps(self.extra or {}, sort_keys=True, default=str)
        return (self.name, self.api_key or "", self.model or "", self.base_url or "", extra)
