"""What the commands around conversations share: who talks with whom, lines, words for people."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from luminora.cli.output import emit_json, waiting
from luminora.errors import InputError, SessionNotFound

if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import Session
    from luminora.stack import Stack

_T = TypeVar("_T")
Do = Callable[["LuminoraCoreClient", "Session"], Awaitable[_T]]
"""Something to do in a session."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BOM = b"\xef\xbb\xbf"
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Who:
    """Whose conversation a command is about, as far as the command line says.

    Attributes:
        user: The user, or None where the command line names none.
        personality: A persona's name or path, or None for any.
        session_id: The session, or None for the latest that fits.
    """

    user: str | None = None
    personality: str | None = None
    session_id: str | None = None

    @property
    def user_id(self) -> str:
        """The user named, else the name this person is logged in with."""
        if self.user is not None:
            return self.user
        import getpass

        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a container without a name for its user id
            return "user"

    @property
    def persona(self) -> str | Path | None:
        """As the client takes it: what looks like a path is one."""
        if self.personality is None or not re.search(r"[/\\]", self.personality):
            return self.personality
        return Path(self.personality)

    @property
    def slug(self) -> str | None:
        """The name that sessions with that persona carry."""
        if isinstance(self.persona, Path):
            from luminora.personality import PersonalityLibrary

            return PersonalityLibrary.load_file(self.persona).slug
        return self.persona.removesuffix(".json") if self.persona else None


def who_options(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add ``--user``, ``--personality`` and ``--session``; the command gets them as ``who``."""

    @click.option("--user", metavar="NAME", help="Whose memories; your login name if left out.")
    @click.option("--personality", metavar="NAME", help="Which companion, by name or path.")
    @click.option("--session", metavar="ID", help="Which conversation; the latest if left out.")
    @functools.wraps(command)
    def with_who(
        *args: Any, user: str | None, personality: str | None, session: str | None, **rest: Any
    ) -> _T:
        return command(*args, who=Who(user, personality, session), **rest)

    return with_who


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[tuple[LuminoraCoreClient, Stack]]:
    """A client on the configured stack, and that stack."""
    client, stack = await open_client(config)
    async with client:
        yield client, stack


async def open_client(config: Config) -> tuple[LuminoraCoreClient, Stack]:
    """The same for who closes the client later."""
    with waiting("opening"):
        from luminora.client import LuminoraCoreClient
        from luminora.stack import Stack

        stack = Stack.build(config)
        return await LuminoraCoreClient(stack), stack


async def find_session(client: LuminoraCoreClient, who: Who) -> Session | None:
    """The session meant, or the user's latest that fits; None if there is none.

    Raises:
        SessionNotFound: The session named does not exist.
        InputError: It is another user's.
    """
    if who.session_id is None:
        found = await client.list_sessions(who.user_id, personality=who.slug, limit=1)
        return found[0] if found else None
    session = await client.get_session(who.session_id)
    if who.user is not None and who.user != session.user_id:
        raise InputError(
            f"the session '{who.session_id:.80}' is another user's",
            hint="leave out --user, or leave out --session to continue that user's latest one",
        )
    return session


async def known_session(client: LuminoraCoreClient, who: Who) -> Session:
    """Like :func:`find_session`, for a command that only looks.

    Raises:
        SessionNotFound: The user has not talked yet.
    """
    session = await find_session(client, who)
    if session is None:
        whom = f" with '{who.slug}'" if who.slug else ""
        raise SessionNotFound(
            f"'{who.user_id:.80}' has no conversation{whom} yet",
            hint=f"luminora chat --user {who.user_id:.80}, or name another with --user",
        )
    return session


async def session_for(client: LuminoraCoreClient, who: Who, *, new: bool = False) -> Session:
    """The session to go on with; it is begun where there is none, or where ``new`` asks for it."""
    if who.personality is None and who.session_id is None:
        default = client.config.document["personality"]["default"]
        who = dataclasses.replace(who, personality=default)
    session = None
    if not new:
        try:
            session = await find_session(client, who)
        except SessionNotFound:  # an id of the user's own choice
            session = None
    if session is None:
        session_id = await client.create_session(
            who.user_id, who.persona, session_id=who.session_id
        )
        session = await client.get_session(session_id)
    return session


async def in_session(config: Config, who: Who, do: Do[_T]) -> tuple[Session, _T]:
    """The session meant, and what ``do`` yields of a client and it.

    Raises:
        SessionNotFound: The user has not talked yet.
    """
    async with opened(config) as (client, _):
        session = await known_session(client, who)
        return session, await do(client, session)


def whose(session: Session) -> Mapping[str, str]:
    """What every JSON document about a session begins with."""
    return {
        "user_id": session.user_id,
        "personality": session.personality_name,
        "session_id": session.session_id,
    }


def emit_about(session: Session, **found: Any) -> None:
    """Print one JSON object about a session."""
    emit_json({**whose(session), **plain(found)})


def only_behind(ctx: click.Context) -> None:
    """Refuse options before a subcommand, which would silently mean nothing there.

    Raises:
        click.UsageError: There are some.
    """
    given = click.core.ParameterSource.COMMANDLINE
    if any(ctx.get_parameter_source(name) is given for name in ctx.params):
        raise click.UsageError(f"options stand behind '{ctx.invoked_subcommand}', not before it")


def told_counts(counts: Mapping[str, int]) -> str:
    """Rows by collection, a line each."""
    return "\n".join(f"  {count:>7,} {name}" for name, count in counts.items() if count)


def read_lines(source: BinaryIO, limit: int) -> Iterator[tuple[int, bytes | InputError]]:
    """The lines with their numbers, without line ends and without the blank ones.

    A line over ``limit`` bytes is never held in memory; in its place comes the error to report.
    """
    number = 0
    while line := source.readline(limit + 2):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            size = len(line)
            while not line.endswith(b"\n") and (line := source.readline(_PIECE)):
                size += len(line)
            yield number, InputError(f"the line has {size:,} bytes and the limit is {limit:,}")
        elif line.strip():
            yield number, line.removeprefix(_BOM if number == 1 else b"").rstrip(b"\r\n")


def decoded(line: bytes) -> str:
    """The line as text.

    Raises:
        InputError: It is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as problem:
        raise InputError(
            f"the line is not UTF-8: byte 0x{line[problem.start]:02x} at position {problem.start}",
            hint="convert the text first, for example with iconv -t utf-8",
        ) from None


def plain(value: Any) -> Any:
    """A value as JSON has it: records as objects, times in ISO 8601."""
    match value:
        case str() | bool() | int() | float() | None:
            return value.value if isinstance(value, Enum) else value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case Sequence():
            return [plain(inner) for inner in value]
    if dataclasses.is_dataclass(value):
        names = (field.name for field in dataclasses.fields(value))
        return {name: plain(getattr(value, name)) for name in names}
    return str(value)


def printable(text: str) -> str:
    """The text without control characters, which could rewrite or command a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def quoted(text: str, most: int = 200) -> str:
    """One line of it in quotation marks."""
    line = " ".join(printable(text).split())
    return f"“{line if len(line) <= most else line[: most - 1] + '…'}”"


def value_text(value: Any) -> str:
    """A fact's value in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(printable(text).split())


def when(moment: datetime | None) -> str:
    """A time as a clock here shows it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""
