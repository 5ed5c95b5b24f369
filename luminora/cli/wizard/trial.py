"""Whether a part works, as far as its provider says so, and what to do if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luminora import schema
from luminora.cli._draft import provider
from luminora.cli._sections import SECTIONS
from luminora.cli._settings import settings_of
from luminora.cli.wizard.asking import Choice
from luminora.cli.wizard.decisions import Decisions
from luminora.cli.wizard.interview import Interview
from luminora.errors import LuminoraError

if TYPE_CHECKING:
    from luminora._index import Offer
    from luminora.config import Config
    from luminora.providers import CheckResult

_PLACES = {"host", "url", "api_base"}


class Failed(LuminoraError):
    """A connection was to be tested, nobody was there to ask, and it does not work."""


class Trial:
    """Tests parts as they are decided.

    Args:
        decisions: What is decided.
        interview: Asks whether to test, and what then.
    """

    def __init__(self, decisions: Decisions, interview: Interview) -> None:
        self._decisions = decisions
        self._ask = interview
        self._texts = interview.texts

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
        config = self._decisions.config()
        offer = self._decisions.index.peek(schema.kind_of(section), provider(config, section) or "")
        if (offer is None or not remote(offer)) and not self._ask.known("test"):
            return "on"
        if not self._ask.confirm("test", self._texts["test"], default=self._ask.attended):
            return "on"
        for place, variable in config.unset.items():
            if place.startswith(f"/{section}/"):
                self._ask.tell(f"⚠ {self._texts.say('untested', variable)}")
                return "on"
        return self._tried(config, section, changeable=changeable)

    def _tried(self, config: Config, section: str, *, changeable: bool) -> str:
        ask, texts, kind = self._ask, self._texts, schema.kind_of(section)
        ways = ("again", "edit", "on", "skip") if changeable else ("again", "on")
        while True:
            ask.tell(f"⏳ {texts['testing']}")
            result = _check(config, kind)
            if result.status.value != "error" or result.data.get("missing_tables"):
                self._works(kind, result)
                return "on"
            ask.tell(f"✗ {texts.say('fails', result.detail)}")
            if not ask.attended:
                first = result.detail.partition("\n")[0]
                raise Failed(
                    f"{provider(config, section)}: {first}; nothing was written",
                    hint="mend it, or leave the test out with --no-test",
                )
            answers = [Choice(way, texts[way]) for way in ways]
            chosen = ask.choose(texts["what_now"], answers, "again")
            if chosen != "again":
                return chosen

    def _works(self, kind: str, result: CheckResult) -> None:
        took = f" ({result.latency_ms:.0f} ms)" if result.latency_ms is not None else ""
        if result.status.value == "ok" or result.data.get("missing_tables"):
            self._ask.tell(f"✓ {self._texts['works']}{took}")
            if result.data.get("missing_tables"):
                self._ask.tell(f"⚠ {self._texts['no_tables']}")
            return
        self._ask.tell(f"⚠ {self._texts.say('works_but', result.detail)}{took}")
        if kind == "vector_store" and "missing_extension" in result.data:
            question = self._texts.say("extension", result.data["missing_extension"])
            self._ask.confirm("extension", question, default=self._ask.attended)


def remote(offer: Offer) -> bool:
    """Whether a provider talks to a host, or has to be told where it is."""
    return bool(offer.entry.get("hosts")) or any(
        one.secret or one.path[-1] in _PLACES for one in settings_of(offer)
    )


def _check(config: Config, kind: str) -> CheckResult:
    from luminora.checkup import check_stack
    from luminora.cli.output import run_async

    found = run_async(check_stack(config, {kind}))
    return found.get(kind) or next(iter(found.values()))
