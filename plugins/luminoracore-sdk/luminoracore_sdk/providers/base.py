"""A vendor's language model, built from a :class:`ProviderConfig` by the plugin that offers it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.config import Config, load_config
from luminora.plugins import Activation
from luminora.providers import Kind, LLMProvider
from luminoracore_sdk.types.provider import ProviderConfig
from luminoracore_sdk.wrapping import Wrapped

KEY = "PROVIDER_CONFIG_API_KEY"
"""What a key given literally is called where a provider looks it up; no such variable is set."""

_SPELLINGS = {"timeout": "timeout_seconds"}
_IGNORED = {"max_retries"}


def settings(config: ProviderConfig) -> dict[str, Any]:
    """The provider's section as ``luminora.json`` would have it, without the key."""
    found = {
        _SPELLINGS.get(name, name): value
        for name, value in (config.extra or {}).items()
        if name not in _IGNORED
    }
    if config.model:
        found["models"] = {**found.get("models", {}), "main": config.model}
    if config.base_url:
        found["api_base"] = config.base_url
    if config.api_key:
        found["api_key_env"] = KEY
    return found


def build(config: ProviderConfig, within: Config | None = None) -> LLMProvider:
    """The language model that a configuration names.

    Args:
        config: Which, and how to reach it.
        within: The stack it is for, whose plugins and environment it shares.

    Raises:
        ProviderUnknown: Its plugin is not installed; the error says which ``pip install`` it takes.
        CredentialsMissing: It wants a key, and none is given or in its variable.
        ConfigError: A setting is none of the provider's.
    """
    env: Mapping[str, str] = os.environ if within is None else within.env
    if config.api_key:
        env = {**env, KEY: config.api_key}
    loaded = load_config({}, env=env, index=within.index if within else None)
    section = {"name": config.name, "config": settings(config)}
    return Activation(loaded, loaded.index).build(Kind.LLM, section)


class Provider(Wrapped):
    """A vendor's language model.

    What it can do is Luminora's contract: ``chat(ChatRequest)``, ``stream``, ``generate(messages)``
    for the text alone, and ``generate_json``.

    Args:
        api_key: The key; left out, the plugin's own environment variable holds it.
        model: The vendor's id of the model.
        base_url: Where the API is, if not at the vendor's.
        extra: Further settings; see :class:`~luminoracore_sdk.types.provider.ProviderConfig`.

    Attributes:
        vendor: The provider's name.

    Raises:
        ProviderUnknown: The plugin is not installed; the error says how to.
    """

    vendor: ClassVar[str]

    def __init__(
        self,
        api_key: str | None = None,
        model: str | None = None,
        base_url: str | None = None,
        **extra: Any,
    ) -> None:
        self._inner = build(ProviderConfig(self.vendor, api_key, model, base_url, extra))
        self.json_mode = self._inner.json_mode

    @property
    def inner(self) -> LLMProvider:
        """The plugin's own."""
        return self._inner
