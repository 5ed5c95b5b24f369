"""How a question is put to a person: with arrow keys, or in plain lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import click


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that may be chosen.

    Attributes:
        value: What the answer is then.
        title: How it is called.
        remark: What is worth knowing about it.
    """

    value: str
    title: str
    remark: str = ""

    @property
    def line(self) -> str:
        """Title and remark in one line."""
        return f"{self.title} · {self.remark}" if self.remark else self.title


class Asker(Protocol):
    """Puts questions to a person. Ctrl-C leaves as KeyboardInterrupt."""

    def select(self, question: str, choices: Sequence[Choice], default: str | None) -> str:
        """One of the choices' values."""
        ...

    def text(self, question: str, default: str, problem: Callable[[str], str | None]) -> str:
        """A line for which ``problem`` finds nothing wrong."""
        ...

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""
        ...

    def hidden(self, question: str) -> str:
        """A line that is not shown while it is typed."""
        ...


class Menus:
    """Questions with arrow keys, by questionary."""

    def select(self, question: str, choices: Sequence[Choice], default: str | None) -> str:
        """See :meth:`Asker.select`."""
        import questionary

        shown = [
            questionary.Choice(one.title, value=one.value, description=one.remark or None)
            for one in choices
        ]
        at = next((one for one in shown if one.value == default), None)
        found: str = questionary.select(question, shown, default=at).unsafe_ask()
        return found

    def text(self, question: str, default: str, problem: Callable[[str], str | None]) -> str:
        """See :meth:`Asker.text`."""
        import questionary

        asked = questionary.text(question, default, validate=lambda text: problem(text) or True)
        return str(asked.unsafe_ask())

    def confirm(self, question: str, *, default: bool) -> bool:
        """See :meth:`Asker.confirm`."""
        import questionary

        # without auto_enter: who types "y" and Enter has not answered the next question, too
        asked = questionary.confirm(question, default=default, auto_enter=False)
        return bool(asked.unsafe_ask())

    def hidden(self, question: str) -> str:
        """See :meth:`Asker.hidden`."""
        import questionary

        return str(questionary.password(question).unsafe_ask())


class Lines:
    """Questions for a terminal that can only print lines."""

    def select(self, question: str, choices: Sequence[Choice], default: str | None) -> str:
        """See :meth:`Asker.select`; a choice is its number or its value."""
        click.echo(f"? {question}")
        for number, one in enumerate(choices, 1):
            click.echo(f"  {number}. {one.line}")
        values = [one.value for one in choices]
        start = str(values.index(default) + 1) if default in values else None
        while True:
            answer = self._line(">", start)
            if answer in values:
                return answer
            if answer.isdecimal() and 1 <= int(answer) <= len(values):
                return values[int(answer) - 1]
            click.echo(f"  1 … {len(values)}")

    def text(self, question: str, default: str, problem: Callable[[str], str | None]) -> str:
        """See :meth:`Asker.text`."""
        while True:
            answer = self._line(f"? {question}", default)
            wrong = problem(answer)
            if wrong is None:
                return answer
            click.echo(f"  {wrong}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """See :meth:`Asker.confirm`."""
        while True:
            answer = self._line(f"? {question} ({'Y/n' if default else 'y/N'})", "").lower()
            if answer in {"", "y", "yes", "s", "si", "sí", "n", "no"}:
                return default if not answer else answer[0] in "ys"

    def hidden(self, question: str) -> str:
        """See :meth:`Asker.hidden`."""
        import getpass

        try:
            return getpass.getpass(f"? {question} ")
        except EOFError:
            raise KeyboardInterrupt from None

    def _line(self, question: str, default: str | None) -> str:
        try:
            answer = input(f"{question} [{default}] " if default else f"{question} ").strip()
        except EOFError:  # Ctrl-D, or a terminal that went away
            raise KeyboardInterrupt from None
        return answer or default or ""
