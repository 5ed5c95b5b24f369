"""``luminora forget``: delete everything of a user, or the expired, after showing what that is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import opened
from luminora.cli.output import config_options, emit_json, json_option, note, run_async, say
from luminora.providers.verbs import USER_COLLECTIONS

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.stack import Stack


@click.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--expired", is_flag=True, help="Only what is past its retention.")
@config_options
@json_option
def forget(
    config: Config, user: str, *, yes: bool, dry_run: bool, expired: bool, as_json: bool
) -> None:
    """Delete everything that is remembered about USER, for good, or what is past its retention.

    memory.retention in luminora.json says how long messages are kept.

    Example: luminora forget diego --dry-run
    """
    before = run_async(_expire(config, user, dry_run=True) if expired else _counts(config, user))
    if dry_run or not any(before.values()):
        what = "would_delete" if dry_run else "deleted"
        _report(user, what, before, expired=expired, as_json=as_json)
        return
    if not yes:
        _confirm(user, before)
    deleted = run_async(_expire(config, user) if expired else _forget(config, user))
    _report(user, "deleted", deleted, expired=expired, as_json=as_json)


def _confirm(user: str, counts: Mapping[str, int]) -> None:
    """Go on only if the user types the name.

    Raises:
        click.UsageError: There is nobody to ask.
        click.Abort: The answer is another.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("this deletes for good: confirm it with --yes")
    note(f"About to delete for good, of '{user}':")
    note(_told(counts))
    answer: str = click.prompt(f"Type {user} to go on", default="", show_default=False, err=True)
    if answer != user:
        note("nothing was deleted")
        raise click.Abort


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
        say(_told(counts))


def _told(counts: Mapping[str, int]) -> str:
    return "\n".join(f"  {count:>7,} {name}" for name, count in counts.items() if count)


async def _counts(config: Config, user: str) -> dict[str, int]:
    async with opened(config) as (_, stack):
        return await _count(stack, user)


async def _count(stack: Stack, user: str) -> dict[str, int]:
    from luminora.memory.indexes import in_use

    counts = {name: await stack.storage.count(name, user) for name in USER_COLLECTIONS}
    store = await in_use(stack.storage, stack.vector_store)
    return {**counts, "message_embeddings": await store.count({"user_id": user})}


async def _forget(config: Config, user: str) -> dict[str, int]:
    async with opened(config) as (client, _):
        return await client.forget(user)


async def _expire(config: Config, user: str, *, dry_run: bool = False) -> dict[str, int]:
    async with opened(config) as (client, _):
        return await client.expire(user, dry_run=dry_run)
