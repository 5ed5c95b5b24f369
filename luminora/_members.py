"""Providers made of providers: the members that a section's settings name.

A manifest marks the items of such a list with ``"x-luminora-provider": "<kind>"``; each is a
provider's name, or a section of ``name``, ``config`` and ``package``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from luminora._index import Index, Offer

MARK = "x-luminora-provider"
_Path = tuple[str, ...]


class Member(NamedTuple):
    """One member.

    Attributes:
        path: Where it stands in the document.
        kind: The kind of provider it names.
        part: Its section; empty if it is neither a name nor a section.
        owner: The own name of the provider that it is a member of.
    """

    path: _Path
    kind: str
    part: Mapping[str, Any]
    owner: str

    def offer(self, index: Index) -> Offer | None:
        """Who offers it, if it names somebody."""
        name, package = self.part.get("name"), self.part.get("package")
        if not isinstance(name, str) or not isinstance(package, str | None):
            return None
        return index.peek(self.kind, name, package)


def lists(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The settings of a ``config_schema`` that hold members: name and kind."""
    for name, part in schema.get("properties", {}).items():
        items = part.get("items") if isinstance(part, Mapping) else None
        if isinstance(items, Mapping) and MARK in items:
            yield name, items[MARK]


def of(index: Index, offer: Offer, config: Any, path: _Path) -> Iterator[Member]:
    """The members that the settings ``config`` at ``path`` name, and theirs."""
    if not isinstance(config, Mapping):
        return
    for setting, kind in lists(offer.entry["config_schema"]):
        given = config.get(setting)
        for place, item in enumerate(given if isinstance(given, list) else ()):
            part = {"name": item} if isinstance(item, str) else item
            part = part if isinstance(part, Mapping) else {}
            member = Member((*path, setting, str(place)), kind, part, offer.name)
            yield member
            inner = member.offer(index)
            if inner is not None:
                yield from of(index, inner, part.get("config"), (*member.path, "config"))


def replaced(document: Any, path: _Path, value: Any) -> None:
    """Put ``value`` at ``path`` of a document of objects and lists."""
    for step in path[:-1]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    document[int(path[-1]) if isinstance(document, list) else path[-1]] = value
