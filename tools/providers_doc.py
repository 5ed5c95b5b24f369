"""Write ``docs/providers.md`` from the manifests and model tables of this repository.

Run ``python tools/providers_doc.py`` after changing a ``luminora-plugin.json`` or ``models.json``;
a test fails while the page differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "providers.md"

_KINDS = {
    "llm": "Language models",
    "embedding": "Embedding models",
    "storage": "Storages",
    "vector_store": "Vector stores",
    "cache": "Caches",
}
_HEAD = """\
<!-- Written by tools/providers_doc.py from the manifests; do not edit. -->

# Providers

Every provider that this repository has, as its manifest describes it: which models, which variables
hold its keys, which hosts it talks to, every setting. A provider is named in `luminora.json`
(`"llm_provider": "deepseek"`), its settings stand in `config`. Models that are not listed work as
well: what is written reaches the vendor; what is listed is what is known beforehand.

`luminora plugins list` shows what is installed, `luminora plugins info NAME` one plugin.
"""


@dataclass(frozen=True)
class Entry:
    """One provider.

    Attributes:
        kind: Its kind.
        name: Its own name.
        distribution: What to install.
        facts: Its part of the manifest.
        models: What is known of its vendor's models, by name.
        source: Where that is from.
    """

    kind: str
    name: str
    distribution: str
    facts: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    source: str

    @property
    def anchor(self) -> str:
        """Of its heading."""
        return f"{self.name}-{self.kind.replace('_', '-')}"


def entries(root: Path = ROOT) -> list[Entry]:
    """All providers, by kind and name."""
    files = [
        root / "luminora" / "luminora-plugin.json",
        *root.glob("plugins/*/*/luminora-plugin.json"),
    ]
    found = []
    for file in files:
        distribution = "luminora" if file == files[0] else file.parent.parent.name
        table = file.with_name("models.json")
        models = json.loads(table.read_bytes()) if table.is_file() else {}
        known = {name: facts for name, facts in models.items() if isinstance(facts, dict)}
        for kind, providers in json.loads(file.read_bytes())["providers"].items():
            for name, facts in providers.items():
                own = {model: one for model, one in known.items() if _is_for(kind, one)}
                source = models.get("_source", "")
                found.append(Entry(kind, name, distribution, facts, own, source))
    order = list(_KINDS)
    return sorted(found, key=lambda entry: (order.index(entry.kind), entry.name))


def page(root: Path = ROOT) -> str:
    """The text of the page."""
    found = entries(root)
    parts = [_HEAD]
    for kind, title in _KINDS.items():
        own = [entry for entry in found if entry.kind == kind]
        parts += [f"## {title}", _overview(kind, own, found), *(_chapter(entry) for entry in own)]
    return "\n\n".join(re.sub(r"\n{3,}", "\n\n", part.strip("\n")) for part in parts) + "\n"


def _is_for(kind: str, model: Mapping[str, Any]) -> bool:
    embeds = "dimension" in model or "dimensions" in model or "max_input" in model
    return embeds if kind == "embedding" else kind == "llm" and not embeds


def _overview(kind: str, found: Sequence[Entry], every: Sequence[Entry]) -> str:
    columns: tuple[str, ...]
    if kind == "llm":
        columns = (
            "Provider",
            "Install",
            "Key in, or named by",
            "Models by default",
            "Embeddings beside it",
        )
    elif kind == "embedding":
        columns = ("Provider", "Install", "Key in, or named by", "Model by default", "Dimensions")
    else:
        columns = ("Provider", "Install", "Secrets in, or named by", "Capabilities")
    embeds = {entry.name for entry in every if entry.kind == "embedding"}
    return _table(columns, (_line(kind, entry, embeds) for entry in found))


def _line(kind: str, entry: Entry, embeds: set[str]) -> list[str]:
    facts = entry.facts
    link = f"[`{entry.name}`](#{entry.anchor})"
    if aliases := facts.get("aliases"):
        link += f", as {_codes(aliases)}"
    cells = [link, _install(entry), _codes(variables(facts["config_schema"]))]
    if kind == "llm":
        models = dict.fromkeys(
            model for task, model in facts.get("models", {}).items() if task != "embeddings"
        )
        own = entry.name if entry.name in embeds else None
        beside = own or facts.get("recommended_embedding") or "static"
        return [*cells, _codes(models), _codes([beside])]
    if kind == "embedding":
        dimensions = (f"`{name}` {size}" for name, size in facts.get("dimensions", {}).items())
        own = facts["config_schema"].get("properties", {}).get("model", {}).get("default")
        model = facts.get("models", {}).get("embeddings") or own
        return [*cells, _codes([model]), ", ".join(dimensions) or "asked for once"]
    return [*cells, _capabilities(facts)]


def _chapter(entry: Entry) -> str:
    facts = entry.facts
    lines = [f"\n### {entry.name} ({entry.kind.replace('_', ' ')})\n", facts["description"], ""]
    hosts = _codes(facts.get("hosts", ())) or "nobody, unless a setting names a host"
    lines += [f"- Install: {_install(entry)}", f"- Talks to: {hosts}"]
    if aliases := facts.get("aliases"):
        lines.append(f"- Other names: {_codes(aliases)}")
    if facts.get("capabilities"):
        lines.append(f"- Capabilities: {_capabilities(facts)}")
    if entry.models:
        lines += ["", _models(entry)]
        if entry.source:
            lines += [f"Source: {entry.source}", ""]
    settings = list(_settings(facts["config_schema"]))
    if settings:
        lines += ["", _table(("Setting", "Type", "Default", ""), settings)]
    return "\n".join(lines)


def _models(entry: Entry) -> str:
    """What is known of the models; ``*`` stands for any ending."""
    columns: tuple[str, ...]
    if entry.kind == "embedding":
        rows = [
            [
                f"`{name}`",
                _number(one.get("dimension")),
                ", ".join(map(str, one.get("dimensions", ()))),
                _number(one.get("max_input")),
                _price(one.get("input_price")),
            ]
            for name, one in entry.models.items()
        ]
        columns = ("Model", "Dimension", "Others it can have", "Tokens of a text", "$ per million")
    else:
        rows = [
            [
                f"`{name}`",
                _number(one.get("context")),
                _number(one.get("max_output")),
                one.get("json", "schema"),
                _codes(one.get("unsupported", ())),
                f"{_price(one.get('input_price'))} / {_price(one.get('output_price'))}".strip(" /"),
            ]
            for name, one in entry.models.items()
        ]
        columns = ("Model", "Context", "Longest answer", "JSON", "Does not accept", "$ per million")
    return _table(columns, rows)


def variables(schema: Mapping[str, Any]) -> list[str]:
    """The variables that hold a provider's secrets, or the settings that have to name them."""
    return [
        part.get("default", name)
        for name, part in schema.get("properties", {}).items()
        if part.get("x-luminora-secret")
    ]


def _settings(schema: Mapping[str, Any], above: str = "") -> Iterator[list[str]]:
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        default = part.get("default")
        shown = "**required**" if name in required else ""
        if default is not None:
            shown = f"`{json.dumps(default, ensure_ascii=False)}`"
        yield [f"`{above}{name}`", _type(part), shown, _words(part.get("description", ""))]
        yield from _settings(part, f"{above}{name}.")


def _type(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return "one of " + _codes(
            json.dumps(one) if not isinstance(one, str) else one for one in part["enum"]
        )
    kinds = part.get("type", "any")
    kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
    least = next((part[key] for key in ("minimum", "exclusiveMinimum") if key in part), None)
    if "maximum" in part and least is not None:
        return f"{kind}, {least} to {part['maximum']}"
    return kind


def _install(entry: Entry) -> str:
    return "built in" if entry.distribution == "luminora" else f"`pip install {entry.distribution}`"


def _capabilities(facts: Mapping[str, Any]) -> str:
    held = facts.get("capabilities", {})
    return ", ".join(
        name.replace("_", " ") + ("" if how == "full" else f" ({how.replace('_', ' ')})")
        for name, how in held.items()
    )


def _codes(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _price(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _words(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(columns: Sequence[str], rows: Any) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
