"""What v1.1 added to v1.0, each switched on by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from luminora.errors import InputError
from luminora.providers import ChatRequest, ChatResult, LLMProvider
from luminoracore_sdk.types.personality import PersonalityConfig
from luminoracore_sdk.types.session import MemoryConfig
from luminoracore_sdk.wrapping import Wrapped

_SWITCH = {
    "facts": "memory_config=MemoryConfig(enable_fact_extraction=True)",
    "episodes": "memory_config=MemoryConfig(enable_episodic_memory=True)",
    "search": "memory_config=MemoryConfig(enable_semantic_search=True)",
    "levels": "personality_config=PersonalityConfig(enable_hierarchical=True)",
    "moods": "personality_config=PersonalityConfig(enable_moods=True)",
}


class Features(NamedTuple):
    """Which of them a client has; by default all, as v1.1 does."""

    facts: bool = True
    episodes: bool = True
    search: bool = True
    levels: bool = True
    moods: bool = True

    @classmethod
    def of(cls, memory: MemoryConfig | None, personality: PersonalityConfig | None) -> Self:
        """Those that a v1.0 client was asked for; none without a configuration."""
        one, two = memory or MemoryConfig(), personality or PersonalityConfig()
        return cls(
            facts=one.enable_all or one.enable_fact_extraction,
            episodes=one.enable_all or one.enable_episodic_memory,
            search=one.enable_all or one.enable_semantic_search,
            levels=two.enable_all or two.enable_hierarchical,
            moods=two.enable_all or two.enable_moods,
        )

    def require(self, name: str) -> None:
        """Refuse what is switched off.

        Raises:
            InputError: It is; the error says how to switch it on.
        """
        if not getattr(self, name):
            raise InputError(
                f"this client keeps no {name}: as in v1.0, it was not asked to",
                hint=f"LuminoraCoreClient({_SWITCH[name]})",
            )

    @property
    def analyses(self) -> bool:
        """Whether there is anything to analyse a message for."""
        return self.facts or self.episodes or self.levels or self.moods

    def only(self, analysis: Mapping[str, Any]) -> dict[str, Any]:
        """An analysis, or several in one, without what is switched off."""
        off: dict[str, Any] = {}
        if not self.facts:
            off |= {"facts": [], "retractions": []}
        if not self.episodes:
            off["episode"] = None
        if not self.levels:
            off["affinity"] = None
        if not self.moods:
            off["mood"] = None
        found: dict[str, Any] = _without(analysis, off)
        return found


def _without(found: Any, off: Mapping[str, Any]) -> Any:
    if isinstance(found, list):
        return [_without(one, off) for one in found]
    if not isinstance(found, Mapping):
        return found
    return {key: off[key] if key in off else _without(one, off) for key, one in found.items()}


class Selective(Wrapped):
    """A language model that analyses messages for nothing but what is switched on."""

    def __init__(self, inner: LLMProvider, features: Features) -> None:
        self._inner = inner
        self._features = features

    @property
    def inner(self) -> LLMProvider:
        """Who speaks."""
        return self._inner

    async def chat_json(self, request: ChatRequest) -> tuple[dict[str, Any], ChatResult]:
        """An analysis; nobody is asked for one that would say nothing."""
        if request.task != "analysis":
            return await self._inner.chat_json(request)
        if not self._features.analyses:
            return {"facts": [], "sentiment": "neutral"}, ChatResult(text="", model=self.name)
        found, result = await self._inner.chat_json(request)
        return self._features.only(found), result
