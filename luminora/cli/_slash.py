"""The slash commands of ``luminora chat``: look into the memory without saying a word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luminora._index import suggestion
from luminora.cli import memory, relationship
from luminora.cli.episodes import show_episodes
from luminora.cli.output import say
from luminora.cli.search import show_results
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient

COMMANDS = {
    "facts": "what is known about you",
    "mood": "how your companion feels",
    "affinity": "how close you are",
    "search": "TEXT: what was said about it",
    "episodes": "moments worth remembering",
    "history": "the last messages",
    "help": "this list",
    "quit": "leave (also /exit, Ctrl-D)",
}
_SPELLINGS = [*(f"/{name}" for name in COMMANDS), "/exit"]
_RECENT = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a slash command found.

    Attributes:
        name: The command, without the slash.
        data: What it found.
        show: Prints it for people.
    """

    name: str
    data: Any
    show: Callable[[], None]


def command_in(text: str) -> tuple[str, str] | None:
    """The slash command that a line is, and its argument; None if the line is said.

    A line that begins with two slashes is said with one.

    Raises:
        InputError: There is no such command.
    """
    if not text.startswith("/") or text.startswith("//"):
        return None
    name, _, argument = text[1:].strip().partition(" ")
    name = "quit" if name == "exit" else name
    if name not in COMMANDS:
        raise InputError(
            f"there is no command '/{name:.40}'{suggestion(f'/{name}', _SPELLINGS)}",
            hint="/help lists them; to say a line that begins with a slash, type two: //",
        )
    if name == "search" and not argument.strip():
        raise InputError("/search needs words to look for", hint="/search viaje")
    return name, argument.strip()


async def answer(client: LuminoraCoreClient, session_id: str, name: str, argument: str) -> Answer:
    """Do what a slash command asks for."""
    if name == "help":
        return Answer(name, COMMANDS, _show_help)
    looks: dict[str, tuple[Callable[[], Awaitable[Any]], Callable[[Any], None]]] = {
        "facts": (lambda: client.get_facts(session_id), memory.show_facts),
        "mood": (lambda: client.get_mood(session_id), relationship.show_mood),
        "affinity": (lambda: client.get_affinity(session_id), relationship.show_affinity),
        "search": (lambda: client.search_memories(session_id, argument), show_results),
        "episodes": (lambda: client.get_episodes(session_id, 0.0), show_episodes),
        "history": (lambda: client.get_history(session_id, _RECENT), memory.show_history),
    }
    look, show = looks[name]
    found = await look()
    return Answer(name, found, lambda: show(found))


def _show_help() -> None:
    for name, meaning in COMMANDS.items():
        say(f"  /{name:<9} {meaning}")
