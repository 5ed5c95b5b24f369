"""Every hook a plugin may implement, one line each; ``docs/plugins.md`` tells how to use them.

The first five build providers: the kernel asks only the plugin whose manifest offers that name,
and the answer is an instance of the kind's contract. The six events after them tell listeners
what happened; listeners may be ``async``, and one that fails is logged and passed over. An
implementation may leave out arguments it does not need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from luminora.doctor import Finding
    from luminora.providers import (
        CacheProvider,
        ChatMessage,
        EmbeddingProvider,
        LLMProvider,
        ProviderContext,
        StorageProvider,
        VectorStoreProvider,
    )

hookspec = pluggy.HookspecMarker("luminora")
hookimpl = pluggy.HookimplMarker("luminora")


@hookspec(firstresult=True)
def luminora_llm(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> LLMProvider | None:
    """Build the LLM provider ``name``, or return None."""


@hookspec(firstresult=True)
def luminora_embedding(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> EmbeddingProvider | None:
    """Build the embedding provider ``name``, or return None."""


@hookspec(firstresult=True)
def luminora_storage(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> StorageProvider | None:
    """Build the storage provider ``name``, or return None."""


@hookspec(firstresult=True)
def luminora_vector_store(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> VectorStoreProvider | None:
    """Build the vector store ``name``, or return None; ``context.storage`` is the storage."""


@hookspec(firstresult=True)
def luminora_cache(
    name: str, config: Mapping[str, Any], context: ProviderContext
) -> CacheProvider | None:
    """Build the cache ``name``, or return None."""


@hookspec
def luminora_message_received(session_id: str, user_id: str, message: str) -> None:
    """Hear that the user's message was saved, before anything else is done with it."""


@hookspec
def luminora_prompt_compiled(
    session_id: str, user_id: str, messages: Sequence[ChatMessage]
) -> None:
    """Hear which prompt is about to be sent to the model."""


@hookspec
def luminora_response_generated(session_id: str, user_id: str, response: str) -> None:
    """Hear what the companion answered, after it was saved."""


@hookspec
def luminora_memory_stored(
    session_id: str, user_id: str, facts: Sequence[Mapping[str, Any]]
) -> None:
    """Hear which facts were learnt from a message."""


@hookspec
def luminora_level_changed(user_id: str, personality_name: str, before: str, after: str) -> None:
    """Hear that the relationship reached another level."""


@hookspec
def luminora_milestone_reached(
    user_id: str, personality_name: str, milestone: str, description: str, points: int
) -> None:
    """Hear that the relationship reached one of the persona's milestones, for the first time."""


@hookspec
def luminora_migrations() -> Iterable[tuple[str, Path]]:
    """Return the plugin's own migration sets: its component's name and the templates' folder."""
    return ()


@hookspec
def luminora_commands(group: click.Group) -> None:
    """Add commands to the ``luminora`` command; the manifest's ``commands`` announces them."""


@hookspec
def luminora_doctor(
    config: Mapping[str, Any],  # noqa: ARG001 - for implementations
    context: ProviderContext,  # noqa: ARG001
) -> Iterable[Finding]:
    """Return findings about the plugin's own affairs, for ``luminora doctor``; may be async."""
    return ()
