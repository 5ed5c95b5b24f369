"""The gateway for code that does not await; see :func:`luminora.gateway.get_gateway`."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

from luminora import schema
from luminora._portal import Portal
from luminora.config import Config, load_config
from luminora.errors import ConfigError, InputError
from luminora.gateway import Gateway
from luminora.providers import ChatMessage, ChatRequest, CheckResult, Kind

_FIRST: Final = ("openai", "claude", "google")
"""The order of the founding documents; others follow by name."""
_MAX_TOKENS: Final = 512
_lock = threading.Lock()
_only: SyncGateway | None = None


class SyncGateway:
    """A gateway on an event loop in a thread of its own; may be used from several threads.

    Args:
        gateway: Does the work.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._portal = Portal("this gateway")
        self._process = os.getpid()

    def generate_simple(self, prompt: str, max_tokens: int = _MAX_TOKENS) -> str:
        """The answer to a prompt; see :meth:`generate`."""
        return self.generate(prompt, max_tokens=max_tokens)

    def generate(
        self,
        user_prompt: str,
        system_prompt: str | None = None,
        max_tokens: int = _MAX_TOKENS,
        temperature: float | None = None,
    ) -> str:
        """The answer to a prompt, by the first provider that gives one.

        Args:
            user_prompt: What to answer, with whatever context belongs to it.
            system_prompt: What the model is told beforehand.
            max_tokens: Upper bound of the answer's tokens.
            temperature: Randomness; None leaves it to the vendor.

        Raises:
            InputError: The prompt is empty.
            ProviderError: Nobody answered; its ``attempts`` say why.
        """
        if not isinstance(user_prompt, str) or not user_prompt.strip():
            raise InputError("the prompt is empty: there is nothing to answer")
        turns = [ChatMessage("user", user_prompt)]
        if system_prompt:
            turns.insert(0, ChatMessage("system", system_prompt))
        request = ChatRequest(messages=turns, max_tokens=max_tokens, temperature=temperature)
        return self._portal.run(self._gateway.chat(request)).text

    def get_status(self) -> dict[str, Any]:
        """See :meth:`luminora.gateway.Gateway.get_status`."""
        return self._gateway.get_status()

    def health(self) -> dict[str, CheckResult]:
        """See :meth:`luminora.gateway.Gateway.health`."""
        return self._portal.run(self._gateway.health())

    @property
    def usable(self) -> bool:
        """Whether it is open, and in the process that made it: a thread does not survive a fork."""
        return not self._portal.closed and self._process == os.getpid()

    def close(self) -> None:
        """Close the providers and the thread; twice is harmless."""
        if not self.usable:
            return
        try:
            self._portal.run(self._gateway.aclose())
        finally:
            self._portal.close()


def get_gateway() -> SyncGateway:
    """The one of this process; a closed one is replaced."""
    global _only  # noqa: PLW0603 - a singleton is what it is
    with _lock:
        if _only is None or not _only.usable:
            _only = SyncGateway(gateway_of(load_config()))
        return _only


@atexit.register
def _close() -> None:
    if _only is not None:
        _only.close()


def gateway_of(config: Config) -> Gateway:
    """The gateway that a configuration means.

    Its language model if that is a gateway, else a chain of the language model and the fallback;
    if it names no language model, of the installed ones whose key is set, and ``offline``.

    Raises:
        ConfigError, PluginError: The configuration cannot be used.
    """
    from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

    schema.ensure(config)
    active = activate(config)
    if config.sources.get("/llm_provider/name") == "default":
        chain: list[Any] = with_keys(config)
    else:
        chain = [config.section("llm_provider")]
    fallback = config.document.get("fallback_provider")
    settings: dict[str, Any] = {}
    if chain and isinstance(chain[0], Mapping) and _name(config, chain[0]) == Gateway.name:
        settings = dict(chain[0]["config"])
        chain = list(settings["chain"])
    if fallback and _name(config, fallback) not in {_name(config, part) for part in chain}:
        chain.append(fallback)
    if not chain:
        raise ConfigError(
            "there is no language model: none is configured, and no fallback",
            hint='name one: "llm_provider": "…"',
        )
    built = active.build(Kind.LLM, {"name": Gateway.name, "config": {**settings, "chain": chain}})
    if not isinstance(built, Gateway):
        raise ConfigError(f"the provider '{Gateway.name}' is not Luminora's own")
    return built


def with_keys(config: Config) -> list[str]:
    """The installed providers whose key is in the environment, in the order they are asked."""
    found = []
    for name, offers in config.index.usable(Kind.LLM).items():
        if len(offers) != 1 or offers[0].name != name:
            continue  # an alias, or one that only a configuration can tell apart
        properties = offers[0].entry["config_schema"].get("properties", {})
        variable = properties.get("api_key_env", {}).get("default")
        if not variable or not config.holds(variable):
            continue
        try:
            schema.check_settings(offers[0], {}, f"/{name}")
        except ConfigError:
            continue  # it needs to be told more than a key
        found.append(name)
    return sorted(found, key=lambda name: (_FIRST.index(name) if name in _FIRST else 99, name))


def _name(config: Config, part: Any) -> str:
    """The own name of the provider that a section or a name means."""
    name = part if isinstance(part, str) else part["name"]
    return config.index.own_name(Kind.LLM, name)
