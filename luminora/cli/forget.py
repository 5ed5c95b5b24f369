"""``luminora forget``: delete everything of a user, or the expired, after showing what that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from luminora.cli._ask import loss_options, typed
from luminora.cli._companion import opened, told_counts
from luminora.cli.output import config_options, emit_json, json_option, run_async, say

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.stack import Stack


@click.command()
@click.argument("user")
@loss_options
@click.option("--expired", is_flag=True, help="Only what is past its retention.")
@config_options
@json_option
def forget(
    config: Config, user: str, *, yes: bool, dry_run: bool, expired: bool, as_json: bool
) -> None:
    """Delete everything that is remembered about USER, for good, or what is past its retention.

    memory.retention in luminora.json says how long messages are kept.

    Examples: luminora forget diego --dry-run · luminora forget diego --expired --yes
    """
    before = run_async(_expire(config, user, dry_run=True) if expired else _counts(config, user))
    if dry_run or not any(before.values()):
        what = "would_delete" if dry_run else "deleted"
        _report(user, what, before, expired=expired, as_json=as_json)
        return
    typed(user, [f"About to delete for good, of '{user}':", told_counts(before)], yes=yes)
    deleted = run_async(_expire(config, user) if expired else _forget(config, user))
    _report(user, "deleted", deleted, expired=expired, as_json=as_json)


def _report(
    user: str, what: str, counts: Mapping[str, int], *, expired: bool, as_json: bool
) -> None:
    if as_json:
        emit_json({"user_id": user, what: counts})
    elif not any(counts.values()):
        none = (
            "nothing of '{}' is past its retention"
            if expired
            else "nothing is remembered about '{}'"
        )
        say(none.format(user))
    else:
        say(f"{what.replace('_', ' ')}, of '{user}':")
        say(told_counts(counts))


async def _counts(config: Config, user: str) -> dict[str, int]:
    async with opened(config) as (_, stack):
        return await _count(stack, user)


async def _count(stack: Stack, user: str) -> dict[str, int]:
    from luminora.memory.indexes import in_use
    from luminora.providers.verbs import USER_COLLECTIONS

    counts = {name: await stack.storage.count(name, user) for name in USER_COLLECTIONS}
    store = await in_use(stack.storage, stack.vector_store)
    return {**counts, "message_embeddings": await store.count({"user_id": user})}


async def _forget(config: Config, user: str) -> dict[str, int]:
    async with opened(config) as (client, _):
        return await client.forget(user)


async def _expire(config: Config, user: str, *, dry_run: bool = False) -> dict[str, int]:
    async with opened(config) as (client, _):
        return await client.expire(user, dry_run=dry_run)
