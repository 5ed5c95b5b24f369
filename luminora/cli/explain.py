"""``luminora explain``: what an answer would rely on, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import Who, in_session, printable, quoted, who_options, whose
from luminora.cli.output import config_options, emit_json, json_option, run_async, say

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.memory.explain import Explanation
    from luminora.memory.selection import Memento

SHOWN = {"fact": 12, "episode": 6, "message": 10}
LEFT_OUT_SHOWN = 6
_TITLES = {"fact": "Facts", "episode": "Episodes", "message": "Earlier messages"}


@click.command()
@click.argument("text")
@who_options
@config_options
@json_option
def explain(config: Config, text: str, who: Who, *, as_json: bool) -> None:
    """Show what a message would bring to mind, and why; nothing is said or saved.

    Example: luminora explain --user diego "¿Qué planes tenía?"
    """
    session, found = run_async(
        in_session(config, who, lambda client, one: client.explain(one.session_id, text))
    )
    if as_json:
        emit_json({**whose(session), **found.to_dict()})
        return
    show(found)


def show(found: Explanation) -> None:
    """Print an explanation, in fewer than a hundred lines."""
    say(f"Looked for   {printable(', '.join(found.words)) or 'nothing in particular'}")
    for reason, words in _by_reason(found).items():
        say(f"  besides    {printable(', '.join(words))}  ({printable(reason)})")
    if found.speakers:
        say(f"  said by    {printable(', '.join(found.speakers))}")
    say(
        f"In the prompt {found.tokens:,} of {found.budget:,} tokens for memories, "
        f"{found.prompt_tokens:,} in all; {found.history} recent turns; "
        f"affinity {found.affinity}, mood {printable(found.mood)}"
    )
    for kind, title in _TITLES.items():
        _section(title, [one for one in found.chosen if one.kind == kind], SHOWN[kind])
    _section("Left out", found.left_out, LEFT_OUT_SHOWN)


def _by_reason(found: Explanation) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for word, reason in found.added.items():
        reasons.setdefault(reason, []).append(word)
    return reasons


def _section(title: str, mementos: Sequence[Memento], most: int) -> None:
    if not mementos:
        return
    say(f"\n{title} ({len(mementos)})")
    for one in sorted(mementos, key=lambda one: -one.worth)[:most]:
        why = one.left_out or ", ".join(one.reasons)
        cost = f"{one.tokens:>4} tokens" if one.tokens else " " * 11
        say(f"  {one.worth:4.2f} {cost}  {_told(one)}")
        say(f"                    {printable(why)}")
    if len(mementos) > most:
        say(f"  … and {len(mementos) - most} more (--json shows all)")


def _told(one: Memento) -> str:
    record = one.record
    if one.kind == "fact":
        return printable(f"{record['fact']}: {record['value']}")
    if one.kind == "episode":
        return printable(f"{record['date']} {record['episode']}")
    return printable(f"{record['date']} {record['speaker']}: ") + quoted(record["said"], 70)
