"""Who offers which provider: the installed plugins, and those known to exist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from luminora import _state
from luminora._manifests import KINDS, Discovery, discover, normal
from luminora.errors import PluginBroken, PluginConflict, PluginError, ProviderUnknown


class Offer(NamedTuple):
    """One provider that a plugin's manifest offers.

    Attributes:
        kind: ``llm``, ``embedding``, ``storage``, ``vector_store`` or ``cache``.
        name: The provider's own name; hooks are called with it even if the config uses an alias.
        discovery: The plugin.
    """

    kind: str
    name: str
    discovery: Discovery

    @property
    def entry(self) -> Mapping[str, Any]:
        """The provider's part of the manifest: description, config_schema, models and so on."""
        manifest = self.discovery.manifest
        return manifest.provider(self.kind, self.name) if manifest else {}


class Index:
    """All discoveries, looked at from the provider's side.

    Args:
        discoveries: What :func:`~luminora.plugins.discover` found.
        disabled: Distributions whose plugins are not to be imported.
    """

    def __init__(self, discoveries: Iterable[Discovery], disabled: Iterable[str] = ()) -> None:
        self.discoveries = tuple(discoveries)
        self._disabled = {normal(name) for name in disabled}
        self._offers: dict[str, dict[str, list[Offer]]] = {kind: {} for kind in KINDS}
        for discovery in self.discoveries:
            for kind, providers in discovery.manifest.offers.items() if discovery.manifest else ():
                for name, aliases in providers.items():
                    for spelling in {name, *aliases}:
                        offer = Offer(kind, name, discovery)
                        self._offers[kind].setdefault(spelling, []).append(offer)

    @classmethod
    def load(cls) -> Index:
        """The index of this environment.

        Raises:
            ConfigError: The list of disabled plugins is damaged.
        """
        return cls(discover(), _state.disabled())

    def without(self, disabled: Iterable[str]) -> Index:
        """The same index with further distributions disabled."""
        return Index(self.discoveries, {*self._disabled, *disabled}) if disabled else self

    def enabled(self, discovery: Discovery) -> bool:
        """Whether the user lets the plugin run."""
        return normal(discovery.distribution.name) not in self._disabled

    def usable(self, kind: str) -> dict[str, list[Offer]]:
        """What may be named: for every name or alias its offers, several where they conflict."""
        found = {name: self._usable(kind, name) for name in sorted(self._offers[kind])}
        return {name: offers for name, offers in found.items() if offers}

    def peek(self, kind: str, name: str, package: str | None = None) -> Offer | None:
        """Like :meth:`find`, with None where that raises."""
        try:
            return self.find(kind, name, package)
        except PluginError:
            return None

    def find(self, kind: str, name: str, package: str | None = None) -> Offer:
        """The offer of a provider.

        Args:
            kind: Its kind.
            name: Its name or an alias; the name wins where one plugin's alias is another's name.
            package: The distribution the config pins, if it does.

        Raises:
            ProviderUnknown: Nobody offers it, or only a disabled plugin does.
            PluginBroken: It is offered by a plugin that cannot be used.
            PluginConflict: Several distributions offer it and none is pinned.
        """
        usable = self._usable(kind, name, package)
        if not usable:
            raise self._absence(kind, name, package)
        if len(usable) > 1:
            owners = sorted(offer.discovery.distribution.name for offer in usable)
            raise PluginConflict(
                f"{len(usable)} distributions offer {_a(kind)} '{name}': {', '.join(owners)}",
                hint=f'pin one, as in {{"name": "{name}", "package": "{owners[0]}"}}',
            )
        return usable[0]

    def title(self, kind: str, name: str) -> str:
        """What people call a provider; its name where it is not installed."""
        offer = self.peek(kind, name)
        return str(offer.entry.get("title", name)) if offer else name

    def recommended(self, kind: str, name: str, what: str) -> str | None:
        """What the provider's manifest, or else the shipped list, recommends as its ``what``."""
        offer = self.peek(kind, name)
        entry = offer.entry if offer else known(kind, name) or {}
        return entry.get(f"recommended_{what}")

    def own_name(self, kind: str, name: str) -> str:
        """``name``, or the provider's own name if that is an alias."""
        if offer := self.peek(kind, name):
            return offer.name
        entry = known(kind, name)
        return entry["name"] if entry else name

    def conflicts(self) -> list[tuple[str, str, list[str]]]:
        """Kind, name and distributions of every provider that :meth:`find` refuses unpinned."""
        return [
            (kind, name, sorted(offer.discovery.distribution.name for offer in offers))
            for kind in KINDS
            for name, offers in self.usable(kind).items()
            if len(offers) > 1
        ]

    def plugin(self, name: str) -> Discovery:
        """The plugin whose distribution, entry point or manifest has that name.

        Raises:
            ProviderUnknown: There is none.
        """
        spellings: dict[str, Discovery] = {}
        for discovery in self.discoveries:
            spellings.setdefault(discovery.distribution.entry, discovery)
            if discovery.manifest:
                spellings.setdefault(discovery.manifest.name, discovery)
        for discovery in self.discoveries:
            spellings[normal(discovery.distribution.name)] = discovery
        if found := spellings.get(name) or spellings.get(normal(name)):
            return found
        raise ProviderUnknown(
            f"no plugin '{name}' is installed{suggestion(name, spellings)}",
            hint="luminora plugins list",
        )

    def _named(self, kind: str, name: str, package: str | None = None) -> list[Offer]:
        return [
            offer
            for offer in self._offers[kind].get(name, ())
            if package is None or normal(offer.discovery.distribution.name) == normal(package)
        ]

    def _usable(self, kind: str, name: str, package: str | None = None) -> list[Offer]:
        found = [
            offer
            for offer in self._named(kind, name, package)
            if self.enabled(offer.discovery) and offer.discovery.error is None
        ]
        return [offer for offer in found if offer.name == name] or found

    def _absence(self, kind: str, name: str, package: str | None) -> PluginError:
        if offers := self._named(kind, name, package):
            discovery = offers[0].discovery
            owner = discovery.distribution
            if not self.enabled(discovery):
                return ProviderUnknown(
                    f"{_a(kind)} '{name}' is offered by {owner.name}, which is disabled",
                    hint=f"luminora plugins enable {owner.name}",
                )
            return PluginBroken(
                f"{_a(kind)} '{name}' is offered by {owner}, which cannot be used: "
                f"{discovery.error}",
                hint=f"pip install -U {owner.name}, or luminora plugins info {owner.name}",
            )
        if package:
            return ProviderUnknown(
                f"the pinned package '{package}' does not offer {_a(kind)} '{name}'",
                hint="luminora plugins list",
            )
        if entry := known(kind, name):
            return ProviderUnknown(
                f"{_a(kind)} '{name}' is not installed",
                hint=f"pip install {entry['distribution']}",
            )
        return self._unknown(kind, name)

    def _unknown(self, kind: str, name: str) -> ProviderUnknown:
        installed = list(self.usable(kind))
        guess = closest(name, [*installed, *_spellings(kind)])
        text = f"there is no {kind} provider '{name}'"
        text += f"; did you mean '{guess}'?" if guess else f"; installed: {', '.join(installed)}"
        entry = known(kind, guess) if guess and guess not in installed else None
        if entry:
            return ProviderUnknown(text, hint=f"pip install {entry['distribution']}")
        others = [k for k in KINDS if name in self._offers[k] or known(k, name)]
        if others and not guess:
            text = f"'{name}' is {' and '.join(_a(k) for k in others)}, not {_a(kind)}"
        broken = any(discovery.error for discovery in self.discoveries)
        return ProviderUnknown(
            text, hint="luminora plugins doctor" if broken else "luminora plugins list"
        )


def known(kind: str, name: str) -> Mapping[str, Any] | None:
    """What the shipped list says of a first-party provider that need not be installed."""
    for own, entry in _known().get(kind, {}).items():
        if name == own or name in entry.get("aliases", ()):
            return {**entry, "name": own}
    return None


def known_names(kind: str) -> list[str]:
    """The providers of a kind on the shipped list, without their aliases."""
    return list(_known().get(kind, {}))


def closest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of ``words`` that ``word`` was probably meant to be."""
    from difflib import get_close_matches  # noqa: PLC0415 - for errors alone

    return next(iter(get_close_matches(word.lower(), list(words), n=1, cutoff=cutoff)), None)


def suggestion(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or nothing."""
    guess = closest(word, words)
    return f"; did you mean '{guess}'?" if guess else ""


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, dict[str, Any]]]:
    path = Path(__file__).with_name("known_providers.json")
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_bytes())
    return found


def _spellings(kind: str) -> list[str]:
    return [
        name
        for own, entry in _known().get(kind, {}).items()
        for name in (own, *entry.get("aliases", ()))
    ]


def _a(kind: str) -> str:
    if kind in {"vector_store", "cache"}:
        return f"the {kind.replace('_', ' ')}"
    return f"the {kind} provider"
