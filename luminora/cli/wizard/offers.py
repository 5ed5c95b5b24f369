"""What can be chosen: the providers that are here, then those that can be installed."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from luminora._index import Index, Offer, known, known_names
from luminora.cli.wizard.asking import Choice
from luminora.cli.wizard.texts import Texts
from luminora.errors import PluginError
from luminora.schema import importable


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may be chosen.

    Attributes:
        name: As the configuration names it.
        title: As people know it.
        description: From its manifest; empty where that is not installed.
        missing: The command that installs what is missing; None where everything is here.
    """

    name: str
    title: str
    description: str
    missing: str | None

    def choice(self, texts: Texts) -> Choice:
        """It as one of the answers to a question."""
        if self.missing:
            return Choice(self.name, texts.say("absent", self.title), self.missing)
        return Choice(self.name, self.title, _short(self.description))


def candidates(index: Index, kind: str) -> list[Candidate]:
    """All providers of a kind: what is installed first, then what our own list knows."""
    here = {offers[0].name: offers[0] for offers in index.usable(kind).values()}
    found = [_installed(offer) for offer in here.values() if _askable(offer)]
    absent = [_absent(kind, name) for name in known_names(kind) if name not in here]
    return [*sorted(found, key=lambda one: one.missing is not None), *absent]


def candidate(index: Index, kind: str, name: str) -> Candidate:
    """The one of this name or alias.

    Raises:
        ProviderUnknown: Nobody offers it.
    """
    offer = index.peek(kind, name)
    if offer is not None:
        return _installed(offer)
    entry = known(kind, name)
    if entry is None:
        index.find(kind, name)  # tells what is wrong
        raise PluginError(f"there is no {kind} provider '{name}'")
    return _absent(kind, entry["name"])


def install(command: str) -> str | None:
    """Run a ``pip install`` line with this Python's own pip; what went wrong, or None.

    pip's own output goes where ours goes.
    """
    _, _, *arguments = shlex.split(command)
    done = subprocess.run(  # noqa: S603 - our own interpreter; the command was shown and agreed to
        [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *arguments],
        check=False,
    )
    importlib.invalidate_caches()
    return None if done.returncode == 0 else f"pip: exit code {done.returncode}"


def missing_of(offer: Offer) -> list[str]:
    """The commands that install what the provider needs and what is not there."""
    requires: dict[str, Any] = offer.entry.get("requires", {})
    return [command for module, command in requires.items() if not importable(module)]


def _installed(offer: Offer) -> Candidate:
    entry = offer.entry
    return Candidate(
        offer.name,
        entry.get("title", offer.name),
        entry.get("description", ""),
        _joined(missing_of(offer)),
    )


def _absent(kind: str, name: str) -> Candidate:
    entry = known(kind, name) or {}
    return Candidate(
        name, str(entry.get("title", name)), "", f"pip install {entry['distribution']}"
    )


def _askable(offer: Offer) -> bool:
    """Whether a question can describe it: a chain of providers cannot be typed in one line."""
    return not any(_is_chain(part) for part in _required(offer))


def _required(offer: Offer) -> Iterator[Any]:
    schema = offer.entry["config_schema"]
    for name in schema.get("required", ()):
        yield schema.get("properties", {}).get(name, {})


def _is_chain(part: Any) -> bool:
    return "x-luminora-provider" in part.get("items", {})


def _joined(commands: list[str]) -> str | None:
    """One command for all of them."""
    wanted = [word for command in commands for word in shlex.split(command)[2:]]
    return f"pip install {' '.join(map(shlex.quote, dict.fromkeys(wanted)))}" if wanted else None


def _short(text: str, most: int = 60) -> str:
    line = text.partition(". ")[0].rstrip(".")
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
