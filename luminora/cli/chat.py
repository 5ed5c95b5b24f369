"""``luminora chat``: talk with a companion, at a terminal or through a pipe.

Work runs on the event loop of one :class:`asyncio.Runner` that rests while a line is awaited, so
that Ctrl-C at the prompt ends the program and Ctrl-C during a reply ends only that reply.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import (
    Who,
    decoded,
    open_client,
    plain,
    printable,
    read_lines,
    session_for,
    value_text,
    who_options,
    whose,
)
from luminora.cli._loop import run
from luminora.cli.output import config_options, json_text, note, say
from luminora.errors import InputError, LuminoraError

if TYPE_CHECKING:
    import asyncio

    from luminora.cli import _slash
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config
    from luminora.memory.models import Response, Session

VERSION = 1
"""Form of the objects that ``--json`` prints, one per line of input."""

_BYTES_PER_CHARACTER = 4


@click.command()
@who_options
@click.option("--new", is_flag=True, help="Begin a new conversation; what was said is remembered.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@config_options
def chat(config: Config, who: Who, *, new: bool, as_json: bool) -> int:
    """Talk with a companion that remembers you.

    Without --session the latest conversation goes on. In a pipe, every line is a message and
    every reply is printed as it is; notes go to standard error.

    \b
    Examples:
      luminora chat --user diego --personality sakura
      echo "Hola, soy Diego" | luminora chat --user diego
    """  # noqa: D301 - click's own mark for text that keeps its lines
    import asyncio

    with asyncio.Runner() as runner:
        talk = run(Talk.begin(config, who, new=new), runner)
        try:
            if not as_json and sys.stdin and sys.stdin.isatty() and sys.stdout.isatty():
                return _at_a_terminal(runner, talk)
            return _through_a_pipe(runner, talk, as_json=as_json)
        finally:
            run(talk.client.aclose(), runner)


class Talk:
    """One conversation under way.

    Attributes:
        name: The companion's display name.
        level: Name of the relationship's level after the last reply.
    """

    def __init__(self, client: LuminoraCoreClient, session: Session, name: str) -> None:
        self.client = client
        self.session = session
        self.name = name
        self.level = ""

    @classmethod
    async def begin(cls, config: Config, who: Who, *, new: bool) -> Talk:
        """Open the stack and the conversation."""
        from luminora.memory.personas import Personas

        client, _ = await open_client(config)
        try:
            session = await session_for(client, who, new=new)
            personality, _ = Personas.for_config(config).of(session)
        except BaseException:
            await client.aclose()
            raise
        return cls(client, session, personality.name)

    async def say(self, text: str) -> Response:
        """The whole reply."""
        return await self.client.send_message(self.session.session_id, _unescaped(text))

    async def stream(self, text: str) -> Response:
        """The reply, printed as it comes."""
        _write(click.style(f"{self.name}: ", fg="magenta", bold=True))
        response = None
        async for chunk in self.client.stream_message(self.session.session_id, _unescaped(text)):
            _write(printable(chunk.text))
            response = chunk.response
        say()
        if response is None:
            raise InputError("the reply broke off")
        return response

    async def slash(self, name: str, argument: str) -> _slash.Answer:
        """What a slash command finds."""
        from luminora.cli import _slash

        return await _slash.answer(self.client, self.session.session_id, name, argument)

    def document(self, line: int, text: str, response: Response) -> dict[str, Any]:
        """A reply and everything behind it, as JSON has it."""
        found: dict[str, Any] = plain(response)
        reply = found.pop("text")
        return {
            "line": line,
            **whose(self.session),
            "message": text,
            "reply": reply,
            **found,
        }

    async def header(self) -> list[str]:
        """Who is there, how close, and on which stack."""
        info = await self.client.get_affinity(self.session.session_id)
        self.level = info.level
        document = self.client.config.document
        model, storage = (document[name]["name"] for name in ("llm_provider", "storage_provider"))
        closeness = f"{info.level.replace('_', ' ')}, {info.points}/100"
        lines = [f"{self.name} · {closeness} · model {model}, storage {storage} · /help"]
        if model == "offline":
            lines.append(
                "Offline: no language model is configured, so built-in rules answer from memory."
            )
        return lines


def _at_a_terminal(runner: asyncio.Runner, talk: Talk) -> int:
    for line in run(talk.header(), runner):
        say(click.style(line, dim=True))
    _prepare_readline()
    prompt = _prompt(talk.session.user_id)
    while True:
        try:
            text = input(prompt)
        except EOFError:
            say()
            return 0
        except KeyboardInterrupt:
            say()
            raise
        except UnicodeDecodeError:
            note("error: this terminal sent bytes that are no text")
            continue
        if not text.strip():
            continue
        try:
            if not _exchange(runner, talk, text):
                return 0
        except KeyboardInterrupt:
            say()
            note(click.style("(stopped)", dim=True))
        except LuminoraError as problem:
            note(f"error: {problem}")


def _exchange(runner: asyncio.Runner, talk: Talk, text: str) -> bool:
    """Answer one line at a terminal; False if it was a goodbye."""
    from luminora.cli import _slash

    if command := _slash.command_in(text):
        if command[0] == "quit":
            return False
        run(talk.slash(*command), runner).show()
        return True
    response = run(talk.stream(text), runner)
    for remark in _remarks(talk, response):
        say(click.style(f"  {remark}", dim=True))
    # where analysis happens in the background it gets its time now: the loop rests at the prompt
    run(talk.client.run_jobs(), runner)
    return True


def _remarks(talk: Talk, response: Response) -> list[str]:
    """What is worth a note beside a reply."""
    remarks = [
        f"remembers {fact.key.replace('_', ' ')}: {value_text(fact.value)}"
        for fact in response.facts
        if fact.is_active and fact.mention_count == 1
    ]
    if response.affinity and response.affinity.level != talk.level:
        talk.level = response.affinity.level
        remarks.append(f"you are now {talk.level.replace('_', ' ')} to {talk.name}")
    if response.degraded:
        remarks.append(f"the built-in rules answered: {printable(response.degraded_reason or '')}")
    return remarks


def _through_a_pipe(runner: asyncio.Runner, talk: Talk, *, as_json: bool) -> int:
    """Answer every line; what cannot be a message is reported and passed over."""
    if sys.stdin is None:
        raise InputError("standard input is closed", hint="pipe one message per line")
    limit = talk.client.config.document["memory"]["max_message_chars"] * _BYTES_PER_CHARACTER
    count = bad = 0
    for number, line in read_lines(sys.stdin.buffer, limit):
        count += 1
        try:
            if not _answer_line(runner, talk, number, line, as_json=as_json):
                break
        except InputError as problem:
            bad += 1
            note(f"error: line {number}: {problem}")
            if as_json:
                _emit({"line": number, "error": _described(problem)})
        except LuminoraError:
            note(f"line {number} was not answered")
            raise
    if not count:
        note("nothing was said: pipe one message per line")
    if bad:
        note(f"{bad} of {count} lines could not be used")
    return 1 if bad else 0


def _answer_line(
    runner: asyncio.Runner, talk: Talk, number: int, line: bytes | InputError, *, as_json: bool
) -> bool:
    """Answer one line of a pipe; False if it was a goodbye."""
    if isinstance(line, InputError):
        raise line
    text = decoded(line)
    from luminora.cli import _slash

    if command := _slash.command_in(text):
        if command[0] == "quit":
            return False
        found = run(talk.slash(*command), runner)
        if as_json:
            _emit({"line": number, "command": found.name, "result": plain(found.data)})
        else:
            found.show()
        return True
    response = run(talk.say(text), runner)
    if as_json:
        _emit(talk.document(number, text, response))
    else:
        say(printable(response.text))
    if response.degraded:
        note(f"line {number}: the built-in rules answered: {response.degraded_reason}")
    sys.stdout.flush()
    return True


def _unescaped(text: str) -> str:
    return text[1:] if text.startswith("//") else text


def _described(problem: LuminoraError) -> dict[str, Any]:
    return {"type": type(problem).__name__, "message": problem.message, "hint": problem.hint}


def _emit(document: dict[str, Any]) -> None:
    say(json_text({"version": VERSION, **document}))


def _write(text: str) -> None:
    click.echo(text, nl=False, file=sys.stdout)
    sys.stdout.flush()


def _prompt(user: str) -> str:
    """The prompt; readline must be told which of its characters take no room."""
    name = f"{printable(user)}: "
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return name
    return f"\x01\x1b[1;36m\x02{name}\x01\x1b[0m\x02"


def _prepare_readline() -> None:
    """Line editing, and Tab for slash commands, where Python has readline."""
    with contextlib.suppress(ImportError):
        import readline

        from luminora.cli import _slash

        words = [f"/{name}" for name in _slash.COMMANDS]

        def complete(text: str, state: int) -> str | None:
            fitting = [word for word in words if word.startswith(text)] if text else []
            return fitting[state] if state < len(fitting) else None

        readline.set_completer_delims(" \t\n")
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
