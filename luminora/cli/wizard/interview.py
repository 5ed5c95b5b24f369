"""Questions with their answers: those known before, those a person gives, and defaults.

Every question has an id. It is the name of the flag that answers it (``--llm``), and the key that
answers it in a file of answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.wizard.asking import Asker, Choice, Lines, Menus
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora.cli.wizard.texts import Texts

Check = Callable[[str], Any]
"""Turns what was typed into a value; raises InputError where that cannot be done."""


class Interview:
    """Questions and what was answered, by whatever means.

    Args:
        given: Answers known before, by id: from flags and from a file.
        asker: Puts the others; None where nobody can answer, so that defaults hold.
        texts: The language.
        tell: Prints a line.

    Attributes:
        answers: All answers so far, by id.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        asker: Asker | None,
        texts: Texts,
        tell: Callable[[str], None],
    ) -> None:
        self._given = dict(given)
        self._asker = asker
        self.texts = texts
        self.tell = tell
        self.answers: dict[str, Any] = {}

    @property
    def attended(self) -> bool:
        """Whether there is somebody to ask."""
        return self._asker is not None

    def known(self, name: str) -> bool:
        """Whether a question is answered already."""
        return name in self._given

    def given(self, name: str) -> str | None:
        """The answer known before, as text."""
        answer = self._given.get(name)
        return None if answer is None else str(answer)

    def forget(self, word: str, *others: str) -> None:
        """Forget the answers of a step, so that they are asked for: ``storage``, ``storage-host``.

        Args:
            word: The step's word.
            others: Further questions of it, by id.
        """
        for found in (self._given, self.answers):
            for name in [*found]:
                if name in {word, *others} or name.startswith(f"{word}-"):
                    del found[name]

    def unused(self) -> list[str]:
        """Answers that were given to questions that never came up."""
        return sorted(self._given.keys() - self.answers.keys())

    def select(
        self, name: str, question: str, choices: Sequence[Choice], default: str | None
    ) -> str:
        """One of the choices.

        Raises:
            click.UsageError: The answer given is none of them, or none was and none can be.
        """
        values = [one.value for one in choices]
        if name in self._given:
            answer = self._given[name]
            if answer not in values:
                from luminora._index import suggestion

                raise click.UsageError(
                    f"--{name}: '{answer}' is not one of {', '.join(values)}"
                    f"{suggestion(str(answer), values)}"
                )
        elif self._asker is None:
            answer = self._assumed(name, question, default)
        else:
            answer = self._asker.select(question, choices, default)
        self.answers[name] = answer
        return str(answer)

    def text(
        self, name: str, question: str, default: Any, check: Check, *, required: bool = False
    ) -> Any:
        """A value; None where the answer is empty.

        Args:
            name: The id.
            question: The words.
            default: What holds if nobody says anything else; None for nothing.
            check: Makes the value of what was typed.
            required: Refuse an empty answer.

        Raises:
            click.UsageError: The answer given cannot be one, or none was and none can be.
        """
        if name in self._given:
            given = self._given[name]
            try:
                value = check(given) if isinstance(given, str) else given
            except InputError as problem:
                raise click.UsageError(f"--{name}: {problem.message}") from None
        elif self._asker is None:
            value = self._assumed(name, question, default, optional=not required)
        else:
            shown = "" if default is None else _shown(default)
            typed = self._asker.text(question, shown, self._judge(check, required=required))
            value = check(typed) if typed else None
        self.answers[name] = value
        return value

    def confirm(self, name: str, question: str, *, default: bool) -> bool:
        """Yes or no.

        Raises:
            click.UsageError: The answer given is neither.
        """
        if name in self._given:
            answer = self._given[name]
            if not isinstance(answer, bool):
                raise click.UsageError(f"--{name}: {_shown(answer)} is neither true nor false")
        elif self._asker is None:
            answer = default
        else:
            answer = self._asker.confirm(question, default=default)
        self.answers[name] = answer
        return bool(answer)

    def choose(self, question: str, choices: Sequence[Choice], default: str) -> str:
        """What to do next: a question without an id, that only a person can answer."""
        return default if self._asker is None else self._asker.select(question, choices, default)

    def hidden(self, question: str) -> str:
        """A secret; it is not among the answers."""
        if self._asker is None:
            raise RuntimeError("there is nobody to ask for a secret")
        return self._asker.hidden(question)

    def _judge(self, check: Check, *, required: bool) -> Callable[[str], str | None]:
        def problem(text: str) -> str | None:
            if not text:
                return self.texts["needed"] if required else None
            try:
                check(text)
            except InputError as wrong:
                return wrong.message
            return None

        return problem

    def _assumed(self, name: str, question: str, default: Any, *, optional: bool = False) -> Any:
        if default is None and not optional:
            raise click.UsageError(
                f"nobody is there to answer “{question}”: give --{name}, or answers with --from"
            )
        if default is not None:
            self.tell(f"{question.rstrip(':')}: {_shown(default)} (--{name})")
        return default


def interview(
    given: Mapping[str, Any], texts: Texts, tell: Callable[[str], None], *, attended: bool
) -> Interview:
    """An interview by the means that there are here."""
    asker: Asker | None = None
    if attended:
        asker = Lines() if os.environ.get("TERM", "") in {"", "dumb"} else Menus()
    return Interview(given, asker, texts, tell)


def answers_from(file: Path) -> dict[str, Any]:
    """The answers that a file holds.

    Raises:
        InputError: It cannot be read, or is no object.
    """
    from luminora import _jsonc

    try:
        found = _jsonc.parse(file.read_bytes(), str(file), error=InputError)
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", where=str(file)) from None
    if not isinstance(found, dict):
        raise InputError("answers are an object: {…}", where=str(file))
    return {name: value for name, value in found.items() if name != "version"}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
