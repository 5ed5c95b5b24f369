"""The five steps: which provider, with which settings, and whether it can be reached."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import schema
from luminora._edit import REMOVE
from luminora._index import Index
from luminora.cli._draft import Draft, provider
from luminora.cli._sections import SECTIONS
from luminora.cli._settings import Setting, settings_of, value_of
from luminora.cli.wizard.asking import Choice, Interview
from luminora.cli.wizard.offers import candidate, candidates, install, title_of
from luminora.errors import InputError, LuminoraError

if TYPE_CHECKING:
    from luminora._index import Offer
    from luminora.config import Config
    from luminora.providers import CheckResult

Steps = tuple[str, ...]
_PROCESSING = ("models", "processing")
_BATCH = (("batch_size",), ("timeout_seconds",))
_SWITCHES = {
    "llm": ("same-processing",),
    "embeddings": ("same-embeddings", "batch"),
    "vector-store": ("semantic-search",),
    "cache": ("caching",),
}
"""Questions of a step that are not named after it."""


class Failed(LuminoraError):
    """A connection was to be tested, nobody was there to ask, and it does not work."""


class Wizard:
    """What has been decided so far, and how to decide the rest.

    Args:
        draft: The file to be made or changed.
        interview: Asks.

    Attributes:
        wanted: The values decided, by their path in the configuration.
        secrets: Values typed for variables that were not set, by variable.
        variables: All variables that the answers name.
    """

    def __init__(self, draft: Draft, interview: Interview) -> None:
        self.draft = draft
        self.ask = interview
        self.texts = interview.texts
        self.wanted: dict[Steps, Any] = {}
        self.secrets: dict[str, str] = {}
        self.variables: list[str] = []
        self._before = draft.config()
        self._index = self._before.index

    def text(self) -> str:
        """What the file would hold."""
        return self.draft.with_values(self._before, self.wanted)

    def config(self) -> Config:
        """What that would mean."""
        return self.draft.config(self.text())

    def run(self) -> None:
        """Ask everything."""
        steps = (self._llm, self._embeddings, self._storage, self._vectors, self._cache)
        for number, (word, step) in enumerate(zip(SECTIONS, steps, strict=True), 1):
            self.ask.tell("")
            self.ask.tell(f"[{number}/{len(steps)}] {self.texts[f'step_{word}']}")
            self.ask.tell("")
            self._decided(word, step)

    def _decided(self, word: str, step: Any) -> None:
        """One step; again, as long as its answers do not work and are to be changed.

        What was answered before is forgotten then, flags included: it is what did not work.
        """
        section = SECTIONS[word][0]
        while True:
            kept = {path: value for path, value in self.wanted.items() if path[0] != section}
            name = step(word)
            way = "on" if name is None else self.test(word)
            if way == "on":
                break
            self.wanted = kept
            self.ask.forget(word, *_SWITCHES.get(word, ()))
            if way == "skip":
                self.ask.tell(f"✓ {self.texts.say('skipped', self._name(section))}")
                return
        if name is not None:
            title = title_of(self._index, schema.kind_of(section), name)
            self.ask.tell(f"✓ {self.texts.say(f'configured_{word}', title)}")

    # --- the steps ------------------------------------------------------------------------------

    def _llm(self, word: str) -> str:
        offer = self._provider(word, self._current(word))
        settings = {one.path: one for one in settings_of(offer)}
        self._settings(word, settings.values())
        if _PROCESSING in settings and not self._given(word, settings[_PROCESSING]):
            same = self.ask.confirm("same-processing", self.texts["same_processing"], default=True)
            if not same:
                self._setting(word, settings[_PROCESSING], self.texts["processing_model"])
        return offer.name

    def _embeddings(self, word: str) -> str:
        llm = self._name("llm_provider")
        current = self._written(word)
        own = self._index.peek("embedding", llm)
        shared: set[Steps] = set()
        offer: Offer | None = None
        if own is not None and not self.ask.known(word):
            title = title_of(self._index, "llm", llm)
            likely = current in {None, own.name}
            question = self.texts.say("same_embeddings", title)
            if self.ask.confirm("same-embeddings", question, default=likely):
                offer = own
                self._choose(word, own.name)
        if offer is None:
            offer = self._provider(word, current or self._advised_embeddings(llm))
        if own is not None and offer.name == own.name:
            found = self._index.peek("llm", llm)
            shared = {one.path for one in settings_of(found)} if found else set()
        settings = {one.path: one for one in settings_of(offer)}
        rest = [one for path, one in settings.items() if path not in {*shared, *_BATCH}]
        self._settings(word, rest)
        self._batch(word, offer, settings)
        return offer.name

    def _advised_embeddings(self, llm: str) -> str:
        """What goes with a language model whose own embeddings there are not, or not wanted."""
        advised = self._index.recommended("llm", llm, "embedding")
        if advised and advised != llm:
            return advised
        here = [one.name for one in candidates(self._index, "embedding") if one.missing is None]
        return next(
            (name for name in here if not _remote(self._index.find("embedding", name))), llm
        )

    def _storage(self, word: str) -> str:
        offer = self._provider(word, self._current(word))
        title = title_of(self._index, offer.kind, offer.name)
        settings = settings_of(offer)
        if self.ask.attended and any(one.prompt for one in settings):
            self.ask.tell(self.texts.say("details", title))
        self._settings(word, settings)
        self.ask.confirm("migrate", self.texts["tables"], default=self.ask.attended)
        return offer.name

    def _vectors(self, word: str) -> str | None:
        storage = self._name("storage_provider")
        advised = self._index.recommended("storage", storage, "vector_store")
        default = self._written(word) or advised or self._current(word)
        if not self.ask.known(word) and not self.ask.confirm(
            "semantic-search", self.texts["semantic"], default=True
        ):
            self._leave_out(word)
            self.ask.tell(self.texts.say("semantic_off", self._name("vector_store_provider")))
            return None
        offer = self._provider(word, default)
        self._settings(word, settings_of(offer))
        return offer.name

    def _cache(self, word: str) -> str | None:
        if not self.ask.known(word) and not self.ask.confirm(
            "caching", self.texts["caching"], default=True
        ):
            self._leave_out(word)
            self.ask.tell(self.texts["caching_off"])
            return None
        offer = self._provider(word, self._current(word))
        self._settings(word, settings_of(offer))
        return offer.name

    # --- which provider -------------------------------------------------------------------------

    def _provider(self, word: str, default: str) -> Offer:
        """The provider chosen; what it needs is installed first, if that is wanted."""
        kind = schema.kind_of(SECTIONS[word][0])
        name = self.ask.given(word)
        while True:
            if name is None:
                choices = [one.choice(self.texts) for one in candidates(self._index, kind)]
                name = self.ask.select(word, self.texts[f"select_{word}"], choices, default)
            found = candidate(self._index, kind, name)
            if found.missing is None or self._install(found.title, found.missing):
                break
            if not self.ask.attended:
                self._index.find(kind, name)  # says what is missing, if the plugin itself is
                raise InputError(f"'{name}' cannot be used yet", hint=found.missing)
            name = None
        self.ask.tell(f"✓ {self.texts.say('selected', found.title)}")
        self._choose(word, found.name)
        return self._index.find(kind, found.name)

    def _install(self, title: str, command: str) -> bool:
        question = self.texts.say("install", title, command)
        if not self.ask.confirm("install", question, default=self.ask.attended):
            return False
        self.ask.tell(f"⏳ {self.texts.say('installing', title)}")
        problem = install(command)
        self._index = Index.load()
        self.ask.tell(f"✗ {problem}" if problem else f"✓ {self.texts.say('installed', title)}")
        return problem is None

    def _choose(self, word: str, name: str) -> None:
        self.wanted[SECTIONS[word][0], "name"] = name
        self.ask.answers[word] = name

    def _leave_out(self, word: str) -> None:
        section = SECTIONS[word][0]
        self.wanted = {path: one for path, one in self.wanted.items() if path[0] != section}
        if self._written(word):
            self.wanted[(section,)] = REMOVE

    def _name(self, section: str) -> str:
        return provider(self.config(), section) or ""

    def _current(self, word: str) -> str:
        """What holds today, by its own name; for a section without one, what would follow."""
        section = SECTIONS[word][0]
        name = provider(self._before, section) or self._name(section)
        return self._index.own_name(schema.kind_of(section), name)

    def _written(self, word: str) -> str | None:
        """What the file itself names, if it does."""
        section = SECTIONS[word][0]
        return self._current(word) if (section, "name") in self._before.written() else None

    # --- its settings ---------------------------------------------------------------------------

    def _settings(self, word: str, settings: Collection[Setting]) -> None:
        """Ask for what the manifest words a question for, and take what flags say of the rest."""
        for one in settings:
            needed = one.required and one.default is None and "object" not in one.type
            if one.prompt or needed or self._given(word, one):
                own = one.schema.get(f"x-luminora-prompt-{self.texts.language}")
                question = self.texts.prompt((one.prompt or one.description).rstrip("."), own)
                self._setting(word, one, f"{question}:")

    def _given(self, word: str, setting: Setting) -> bool:
        return self.ask.known(_id(word, setting))

    def _setting(self, word: str, setting: Setting, question: str, default: Any = None) -> None:
        path = (SECTIONS[word][0], "config", *setting.path)
        old = self._old(word).get(setting.path)
        start = next((one for one in (old, default, setting.default) if one is not None), None)
        name = _id(word, setting)
        if setting.type == ("boolean",):
            value: Any = self.ask.confirm(name, question.rstrip(":") + "?", default=bool(start))
        elif setting.choices:
            shown = {str(one): one for one in setting.choices}
            choices = [Choice(text, text) for text in shown]
            value = shown[
                self.ask.select(name, question, choices, None if start is None else str(start))
            ]
        else:
            value = self.ask.text(
                name, question, start, lambda text: _value(setting, text), required=setting.required
            )
        if value is not None:
            self.wanted[path] = value
        elif old is not None:
            self.wanted[path] = REMOVE
        if setting.secret and isinstance(value, str):
            self._variable(value)

    def _old(self, word: str) -> dict[Steps, Any]:
        """The settings that the file gives the provider that is chosen now."""
        section = SECTIONS[word][0]
        name = self.wanted.get((section, "name"))
        if name is None or name != self._current(word):
            return {}
        found: dict[Steps, Any] = {}
        for path in self._before.written():
            if path[:2] == (section, "config"):
                value: Any = self._before.document
                for step in path:
                    value = value.get(step) if isinstance(value, Mapping) else None
                found[path[2:]] = value
        return found

    def _batch(self, word: str, offer: Offer, settings: Mapping[Steps, Setting]) -> None:
        """How texts travel; of no interest where they stay in the process."""
        sized, timed = (settings[path] for path in _BATCH)
        given = [one for one in (sized, timed) if self._given(word, one)]
        if not offer.entry.get("hosts") and not given:
            return
        if not given and not self.ask.confirm("batch", self.texts["batch"], default=True):
            self.wanted[SECTIONS[word][0], "config", *sized.path] = 1
            return
        self._setting(word, sized, self.texts["batch_size"])
        self._setting(word, timed, self.texts["batch_timeout"])

    def _variable(self, name: str) -> None:
        """Take note of a variable; its value may be typed now, unless it is set."""
        if name not in self.variables:
            self.variables.append(name)
        if self._before.env.get(name, "").strip():
            self.ask.tell(f"✓ {self.texts.say('is_set', name)}")
        elif self.ask.attended and name not in self.secrets:
            question = self.texts.say("is_unset", name, self.env_file.name)
            if self.ask.confirm("store-secrets", question, default=False):
                value = self.ask.hidden(self.texts.say("value_of", name))
                if value:
                    self.secrets[name] = value
                    os.environ[name] = value  # for the tests of this run alone

    @property
    def env_file(self) -> Path:
        """The file that variables are read from beside the environment.

        One that is there already is the one: another, nearer to the configuration, would hide it.
        """
        near = self.draft.path.parent / ".env"
        places = (near, Path.cwd() / ".env")
        return next((file for file in places if file.is_file()), near)

    # --- does it work ---------------------------------------------------------------------------

    def test(self, word: str, *, changeable: bool = True) -> str:
        """Test the part, if that is wanted.

        Args:
            word: The part's word on the command line.
            changeable: Whether its answers may be given again.

        Returns:
            ``on`` to go on, ``edit`` to give the answers again, ``skip`` to leave the part as it
            was.

        Raises:
            Failed: It does not work, and there is nobody to ask what to do.
        """
        section = SECTIONS[word][0]
        kind = schema.kind_of(section)
        config = self.config()
        name = provider(config, section) or ""
        offer = self._index.peek(kind, name)
        if (offer is None or not _remote(offer)) and not self.ask.known("test"):
            return "on"
        if not self.ask.confirm("test", self.texts["test"], default=self.ask.attended):
            return "on"
        unset = [
            problem for problem in config.secrets.items() if problem[0].startswith(f"/{section}/")
        ]
        for _, variable in unset:
            if not config.env.get(variable, "").strip():
                self.ask.tell(f"⚠ {self.texts.say('untested', variable)}")
                return "on"
        while True:
            self.ask.tell(f"⏳ {self.texts['testing']}")
            result = check(config, kind)
            if result.status.value != "error" or result.data.get("missing_tables"):
                self._tell_works(kind, result)
                return "on"
            self.ask.tell(f"✗ {self.texts.say('fails', result.detail)}")
            if not self.ask.attended:
                raise Failed(
                    f"{name}: {result.detail.partition(chr(10))[0]}; nothing was written",
                    hint="mend it, or leave the test out with --no-test",
                )
            ways = ("again", "edit", "on", "skip") if changeable else ("again", "on")
            answers = [Choice(way, self.texts[way]) for way in ways]
            chosen = self.ask.choose(self.texts["what_now"], answers, "again")
            if chosen != "again":
                return chosen

    def _tell_works(self, kind: str, result: CheckResult) -> None:
        took = f" ({result.latency_ms:.0f} ms)" if result.latency_ms is not None else ""
        if result.status.value == "ok" or result.data.get("missing_tables"):
            self.ask.tell(f"✓ {self.texts['works']}{took}")
            if result.data.get("missing_tables"):
                self.ask.tell(f"⚠ {self.texts['no_tables']}")
            return
        self.ask.tell(f"⚠ {self.texts.say('works_but', result.detail)}{took}")
        if kind == "vector_store" and "missing_extension" in result.data:
            name = str(result.data["missing_extension"])
            question = self.texts.say("extension", name)
            self.ask.confirm("extension", question, default=self.ask.attended)


def check(config: Config, kind: str) -> CheckResult:
    """How one part of a configuration is."""
    from luminora.checkup import check_stack
    from luminora.cli.output import run_async

    found = run_async(check_stack(config, {kind}))
    return found.get(kind) or next(iter(found.values()))


def _id(word: str, setting: Setting) -> str:
    return f"{word}-{setting.flag[2:]}"


def _remote(offer: Offer) -> bool:
    """Whether it talks to a host, or has to be told where it is."""
    return bool(offer.entry.get("hosts")) or any(
        one.secret or one.path[-1] in {"host", "url", "api_base"} for one in settings_of(offer)
    )


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
