"""Questions about a provider's settings, as its manifest words them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from luminora.cli._settings import Setting, value_of
from luminora.cli.wizard.asking import Choice
from luminora.cli.wizard.decisions import Decisions, Steps
from luminora.cli.wizard.interview import Interview
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora._index import Offer

BATCH = (("batch_size",), ("timeout_seconds",))
"""The settings of how texts travel to an embedding model."""


class SettingQuestions:
    """Asks for settings, and takes note of the variables they name.

    Args:
        decisions: Takes the answers.
        interview: Asks.

    Attributes:
        secrets: Values typed for variables that were not set, by variable.
    """

    def __init__(self, decisions: Decisions, interview: Interview) -> None:
        self._decisions = decisions
        self._ask = interview
        self._texts = interview.texts
        self.secrets: dict[str, str] = {}

    def ask(self, word: str, settings: Collection[Setting]) -> None:
        """Ask for what the manifest words a question for, and take what flags say of the rest."""
        for one in settings:
            needed = one.required and one.default is None and "object" not in one.type
            if one.prompt or needed or self.given(word, one):
                own = one.schema.get(f"x-luminora-prompt-{self._texts.language}")
                question = self._texts.prompt((one.prompt or one.description).rstrip("."), own)
                self.one(word, one, f"{question}:")

    def given(self, word: str, setting: Setting) -> bool:
        """Whether a setting is answered already."""
        return self._ask.known(_id(word, setting))

    def one(self, word: str, setting: Setting, question: str) -> None:
        """Ask for one setting."""
        old = self._decisions.old(word).get(setting.path)
        start = setting.default if old is None else old
        name = _id(word, setting)
        if setting.type == ("boolean",):
            value: Any = self._ask.confirm(name, question.rstrip(":") + "?", default=bool(start))
        elif setting.choices:
            shown = {str(one): one for one in setting.choices}
            choices = [Choice(text, text) for text in shown]
            likely = None if start is None else str(start)
            value = shown[self._ask.select(name, question, choices, likely)]
        else:
            value = self._ask.text(
                name, question, start, lambda text: _value(setting, text), required=setting.required
            )
        self._decisions.set(word, setting.path, value)
        if setting.secret and isinstance(value, str):
            self._variable(value)

    def batch(self, word: str, offer: Offer, settings: Mapping[Steps, Setting]) -> None:
        """How texts travel; of no interest where they stay in the process."""
        sized, timed = (settings[path] for path in BATCH)
        given = [one for one in (sized, timed) if self.given(word, one)]
        if not offer.entry.get("hosts") and not given:
            return
        if not given and not self._ask.confirm("batch", self._texts["batch"], default=True):
            self._decisions.set(word, sized.path, 1)
            return
        self.one(word, sized, self._texts["batch_size"])
        self.one(word, timed, self._texts["batch_timeout"])

    def _variable(self, name: str) -> None:
        """Look at a variable that holds a secret; its value may be typed now, unless it is set."""
        if self._decisions.before.holds(name):
            self._ask.tell(f"✓ {self._texts.say('is_set', name)}")
        elif self._ask.attended and name not in self.secrets:
            question = self._texts.say("is_unset", name, self._decisions.env_file.name)
            if self._ask.confirm("store-secrets", question, default=False):
                value = self._ask.hidden(self._texts.say("value_of", name))
                if value:
                    self.secrets[name] = value
                    os.environ[name] = value  # for the tests of this run alone


def _id(word: str, setting: Setting) -> str:
    return f"{word}-{setting.flag[2:]}"


def _value(setting: Setting, text: str) -> Any:
    """What was typed as the setting's value.

    Raises:
        InputError: It cannot be one, or looks like a secret.
    """
    import jsonschema_rs

    from luminora._secrets import reason

    if why := reason(setting.path[-1], text):
        raise InputError(f"this {why}: give the name of an environment variable, not its value")
    value = value_of(setting.schema, text)
    for error in jsonschema_rs.validator_for(dict(setting.schema)).iter_errors(value):
        raise InputError(error.message)
    return value
