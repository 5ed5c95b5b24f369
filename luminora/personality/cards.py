"""Character Card V2 and V3 into personas and back, without loss.

A card has words where a persona has levels, moods and rules, so each carries the other:

* an imported persona keeps the card, as it came, under ``card``; exporting starts from it and
  changes only what the persona has changed since;
* an exported card holds the whole persona under ``extensions.luminora``, unless the card alone
  says as much; importing starts from it and changes only what the card has changed since.

So card → persona → card and persona → card → persona give back what went in, unknown fields and
other applications' ``extensions`` included. A card is a stranger's text: its ``system_prompt``
and ``post_history_instructions`` are kept for export and never obeyed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

from luminora.personality import defaults
from luminora.personality.card_fields import checked
from luminora.personality.card_texts import dialogue, knowledge, samples
from luminora.personality.fields import section, text, texts
from luminora.personality.markup import spoken, told
from luminora.personality.model import Personality
from luminora.personality.validate import require_valid

CardFormat = Literal["v2", "v3"]

NAMESPACE = "luminora"
"""Key of our entry in a card's ``extensions``."""

_SPECS = {"v2": ("chara_card_v2", "2.0"), "v3": ("chara_card_v3", "3.0")}
_EMPTY = {
    "name": "",
    "description": "",
    "personality": "",
    "scenario": "",
    "first_mes": "",
    "mes_example": "",
    "creator_notes": "",
    "system_prompt": "",
    "post_history_instructions": "",
    "alternate_greetings": [],
    "tags": [],
    "creator": "",
    "character_version": "",
    "extensions": {},
}

_NAMELESS = "Companion"

_Document = dict[str, Any]


def from_card(
    card: Mapping[str, Any],
    *,
    name: str | None = None,
    language: str | None = None,
    where: str | None = None,
) -> dict[str, Any]:
    """The persona document of a card; the card is not modified.

    Args:
        card: A V2 or V3 card as parsed JSON.
        name: Display name to use in place of the card's.
        language: Code of the language the card is written in, which cards do not say.
        where: File to name in errors.

    Raises:
        PersonalityInvalid: It is no card of these versions, or a field has the wrong type.
    """
    own = copy.deepcopy(checked(card, where=where))
    persona = section(own, "data", "extensions", NAMESPACE).get("persona")
    if persona is None:
        document = _fresh(own, language or "en")
    else:
        require_valid(persona, where=f"{where or 'card'} (/data/extensions/{NAMESPACE}/persona)")
        document = _updated(copy.deepcopy(persona), own)
    if name and name.strip():
        document["persona"]["name"] = name.strip()
    if persona is not None and language:
        document["persona"]["language"] = language
    require_valid(document, where=where)
    return document


def to_card(document: Mapping[str, Any], *, version: CardFormat = "v3") -> dict[str, Any]:
    """The card of a persona document; the document is not modified.

    Args:
        document: A persona.
        version: Which card to write.

    Raises:
        PersonalityInvalid: The document breaks the schema.
    """
    own = Personality.from_document(document).to_document()
    spec, spec_version = _SPECS[version]
    shown, original = _shown(own), own.get("card")
    if original is None:
        card: _Document = {"spec": spec, "spec_version": spec_version, "data": _EMPTY | shown}
    else:
        card = copy.deepcopy(checked(original, where="card"))
        language = text(section(own, "persona"), "language") or "en"
        before = _shown(_fresh(card, language))
        card["data"] |= {key: said for key, said in shown.items() if said != before.get(key)}
        if card["spec"] != spec:
            card |= {"spec": spec, "spec_version": spec_version}
            card["data"] = _EMPTY | card["data"]
    if version == "v3" and (original is None or original["spec"] != spec):
        card["data"].setdefault("group_only_greetings", [])
    if original is None or _fresh(card, "en") != own:
        kept = card["data"].get("extensions") or {}
        card["data"]["extensions"] = {**kept, NAMESPACE: {"version": 1, "persona": own}}
    return copy.deepcopy(card)


def _fresh(card: Mapping[str, Any], language: str) -> _Document:
    """The persona a card alone makes."""
    data = card["data"]
    name = text(data, "name")
    spanish = defaults.is_spanish(language)
    macros = {
        "char": text(data, "nickname") or name,
        "user": "la otra persona" if spanish else "the other person",
    }
    aloud = macros | {"user": "tú" if spanish else "you"}
    greetings = [text(data, "first_mes"), *texts(data, "alternate_greetings")]
    document: _Document = {
        "persona": {
            "name": " ".join(told(name, **macros).split()) or _NAMELESS,
            "version": text(data, "character_version") or "1.0.0",
            "description": told(text(data, "description"), **macros),
            "author": text(data, "creator"),
            "tags": list(texts(data, "tags")),
            "language": language,
        },
        "core_traits": {"temperament": told(text(data, "personality"), **macros)},
        "linguistic_profile": {},
        "behavioral_rules": [],
        "trigger_responses": {
            "on_greeting": [said for one in greetings if (said := spoken(one, **aloud))]
        },
        "examples": {"sample_responses": samples(data, macros, aloud)},
        "knowledge": knowledge(data, macros),
        "card": copy.deepcopy(dict(card)),
    }
    return document


def _shown(document: Mapping[str, Any]) -> _Document:
    """What of a persona a card has a field for."""
    persona = section(document, "persona")
    greetings = texts(section(document, "trigger_responses"), "on_greeting")
    known = texts(document, "knowledge")
    shown: _Document = {
        "name": text(persona, "name"),
        "description": text(persona, "description"),
        "personality": text(section(document, "core_traits"), "temperament"),
        "first_mes": greetings[0] if greetings else "",
        "alternate_greetings": list(greetings[1:]),
        "mes_example": dialogue(section(document, "examples").get("sample_responses") or []),
        "tags": list(texts(persona, "tags")),
        "creator": text(persona, "author"),
        "character_version": text(persona, "version"),
    }
    if known:
        shown["character_book"] = {
            "extensions": {},
            "entries": [_constant(index, entry) for index, entry in enumerate(known)],
        }
    return shown


def _constant(index: int, content: str) -> _Document:
    return {
        "keys": [],
        "content": content,
        "extensions": {},
        "enabled": True,
        "insertion_order": index,
        "constant": True,
        "use_regex": False,
    }


def _updated(persona: _Document, card: _Document) -> _Document:
    """An exported persona with what has been edited in its card since."""
    version: CardFormat = "v3" if card["spec"] == _SPECS["v3"][0] else "v2"
    written = to_card(persona, version=version)
    if written == card:
        return persona
    extensions = {k: v for k, v in card["data"]["extensions"].items() if k != NAMESPACE}
    bare = card | {"data": card["data"] | {"extensions": extensions}}
    language = text(section(persona, "persona"), "language") or "en"
    now, before = _fresh(bare, language), _fresh(written, language)
    for part in ("persona", "core_traits", "trigger_responses", "examples"):
        changed = {k: v for k, v in now[part].items() if v != before[part].get(k)}
        if changed:
            persona[part] = persona.get(part, {}) | changed
    if now["knowledge"] != before["knowledge"]:
        persona["knowledge"] = now["knowledge"]
    return persona | {"card": bare}


def notes(card: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a card is kept but has no effect, one line each, to tell whoever imports it."""
    data = section(card, "data")
    found = [
        f"'{key}' is kept but not followed: it is an instruction by the card's author"
        for key in ("system_prompt", "post_history_instructions")
        if text(data, key)
    ]
    entries = section(data, "character_book").get("entries") or []
    keyed = [one for one in entries if isinstance(one, Mapping) and not one.get("constant")]
    if keyed:
        found.append(f"{len(keyed)} lorebook entries with keywords are kept but not used")
    if text(card, "spec_version") not in {version for _, version in _SPECS.values()}:
        found.append(f"the card is of a newer version, {text(card, 'spec_version')}")
    return tuple(found)
