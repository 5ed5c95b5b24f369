"""The five steps: which provider, with which settings, and whether it can be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from luminora import schema
from luminora.cli._draft import Draft
from luminora.cli._sections import SECTIONS
from luminora.cli._settings import settings_of
from luminora.cli.wizard.decisions import Decisions, Steps
from luminora.cli.wizard.interview import Interview
from luminora.cli.wizard.offers import candidate, candidates, install
from luminora.cli.wizard.settings import BATCH, SettingQuestions
from luminora.cli.wizard.trial import Trial, remote
from luminora.errors import InputError

if TYPE_CHECKING:
    from luminora._index import Offer

_PROCESSING = ("models", "processing")
_SWITCHES = {
    "llm": ("same-processing",),
    "embeddings": ("same-embeddings", "batch"),
    "vector-store": ("semantic-search",),
    "cache": ("caching",),
}
"""Questions of a step that are not named after it."""


class Wizard:
    """Asks about the five parts, one after the other.

    Args:
        draft: The file to be made or changed.
        interview: Asks.

    Attributes:
        decisions: What has been decided so far.
        settings: Asks for settings, and keeps the secrets that were typed.
        trial: Tests what was decided.
    """

    def __init__(self, draft: Draft, interview: Interview) -> None:
        self.draft = draft
        self.ask = interview
        self.texts = interview.texts
        self.decisions = Decisions(draft)
        self.settings = SettingQuestions(self.decisions, interview)
        self.trial = Trial(self.decisions, interview)

    def run(self) -> None:
        """Ask everything."""
        steps = (self._llm, self._embeddings, self._storage, self._vectors, self._cache)
        for number, (word, step) in enumerate(zip(SECTIONS, steps, strict=True), 1):
            self.ask.tell("")
            self.ask.tell(f"[{number}/{len(steps)}] {self.texts[f'step_{word}']}")
            self.ask.tell("")
            self._decided(word, step)

    def _decided(self, word: str, step: Callable[[str], str | None]) -> None:
        """One step; again, as long as its answers do not work and are to be changed.

        What was answered before is forgotten then, flags included: it is what did not work.
        """
        while True:
            kept = self.decisions.without(word)
            name = step(word)
            way = "on" if name is None else self.trial.test(word)
            if way == "on":
                break
            self.decisions.wanted = kept
            self.ask.forget(word, *_SWITCHES.get(word, ()))
            if way == "skip":
                self.ask.tell(f"✓ {self.texts.say('skipped', self.decisions.name(word))}")
                return
        if name is not None:
            title = self.decisions.index.title(schema.kind_of(SECTIONS[word][0]), name)
            self.ask.tell(f"✓ {self.texts.say(f'configured_{word}', title)}")

    def _llm(self, word: str) -> str:
        offer = self._provider(word, self.decisions.current(word))
        settings = {one.path: one for one in settings_of(offer)}
        self.settings.ask(word, settings.values())
        processing = settings.get(_PROCESSING)
        if processing is not None and not self.settings.given(word, processing):
            same = self.ask.confirm("same-processing", self.texts["same_processing"], default=True)
            if not same:
                self.settings.one(word, processing, self.texts["processing_model"])
        return offer.name

    def _embeddings(self, word: str) -> str:
        index, llm = self.decisions.index, self.decisions.name("llm")
        own, current = index.peek("embedding", llm), self.decisions.written(word)
        offer: Offer | None = None
        if own is not None and not self.ask.known(word):
            question = self.texts.say("same_embeddings", index.title("llm", llm))
            likely = current in {None, own.name}
            if self.ask.confirm("same-embeddings", question, default=likely):
                offer = own
                self._choose(word, own.name)
        if offer is None:
            offer = self._provider(word, current or self._advised_embeddings(llm))
        settings = {one.path: one for one in settings_of(offer)}
        answered = {*self._shared(offer, llm), *BATCH}
        self.settings.ask(word, [one for path, one in settings.items() if path not in answered])
        self.settings.batch(word, offer, settings)
        return offer.name

    def _shared(self, offer: Offer, llm: str) -> set[Steps]:
        """What the language model's provider has been asked and its embeddings use as well."""
        found = self.decisions.index.peek("llm", llm)
        if found is None or offer.name != found.name:
            return set()
        return {one.path for one in settings_of(found)}

    def _advised_embeddings(self, llm: str) -> str:
        """What goes with a language model whose own embeddings there are not, or not wanted."""
        index = self.decisions.index
        advised = index.recommended("llm", llm, "embedding")
        if advised and advised != llm:
            return advised
        here = [one.name for one in candidates(index, "embedding") if one.missing is None]
        return next((name for name in here if not remote(index.find("embedding", name))), llm)

    def _storage(self, word: str) -> str:
        offer = self._provider(word, self.decisions.current(word))
        settings = settings_of(offer)
        if self.ask.attended and any(one.prompt for one in settings):
            title = self.decisions.index.title(offer.kind, offer.name)
            self.ask.tell(self.texts.say("details", title))
        self.settings.ask(word, settings)
        self.ask.confirm("migrate", self.texts["tables"], default=self.ask.attended)
        return offer.name

    def _vectors(self, word: str) -> str | None:
        if not self._wanted(word, "semantic-search", "semantic"):
            name = self.decisions.name(word)
            self.ask.tell(self.texts.say("semantic_off", name))
            return None
        storage = self.decisions.name("storage")
        advised = self.decisions.index.recommended("storage", storage, "vector_store")
        written = self.decisions.written(word)
        offer = self._provider(word, written or advised or self.decisions.current(word))
        self.settings.ask(word, settings_of(offer))
        return offer.name

    def _cache(self, word: str) -> str | None:
        if not self._wanted(word, "caching", "caching"):
            self.ask.tell(self.texts["caching_off"])
            return None
        offer = self._provider(word, self.decisions.current(word))
        self.settings.ask(word, settings_of(offer))
        return offer.name

    def _wanted(self, word: str, name: str, text: str) -> bool:
        """Whether the part is to be chosen; if not, the file says nothing of it."""
        if self.ask.known(word) or self.ask.confirm(name, self.texts[text], default=True):
            return True
        self.decisions.leave_out(word)
        return False

    def _provider(self, word: str, default: str) -> Offer:
        """The provider chosen; what it needs is installed first, if that is wanted."""
        kind = schema.kind_of(SECTIONS[word][0])
        name = self.ask.given(word)
        while True:
            index = self.decisions.index
            if name is None:
                choices = [one.choice(self.texts) for one in candidates(index, kind)]
                name = self.ask.select(word, self.texts[f"select_{word}"], choices, default)
            found = candidate(index, kind, name)
            if found.missing is None or self._install(found.title, found.missing):
                break
            if not self.ask.attended:
                index.find(kind, name)  # says what is missing, if the plugin itself is
                raise InputError(f"'{name}' cannot be used yet", hint=found.missing)
            name = None
        self.ask.tell(f"✓ {self.texts.say('selected', found.title)}")
        self._choose(word, found.name)
        return self.decisions.index.find(kind, found.name)

    def _install(self, title: str, command: str) -> bool:
        question = self.texts.say("install", title, command)
        if not self.ask.confirm("install", question, default=self.ask.attended):
            return False
        self.ask.tell(f"⏳ {self.texts.say('installing', title)}")
        problem = install(command)
        self.decisions.look_again()
        self.ask.tell(f"✗ {problem}" if problem else f"✓ {self.texts.say('installed', title)}")
        return problem is None

    def _choose(self, word: str, name: str) -> None:
        self.decisions.choose(word, name)
        self.ask.answers[word] = name
