"""What is known of a vendor's models, as data: prices, limits, and what they do not accept.

A plugin ships ``models.json`` beside its manifest: an object from a model's name, or the beginning
of one followed by ``*``, to what is known of it. The longest match counts; an unknown model is
taken to accept everything and to cost an unknown amount.

```json
{
  "_source": "https://… , read 2026-11-20",
  "gpt-5*": {"context": 400000, "json": "schema", "unsupported": ["temperature"],
             "input_price": 1.25, "output_price": 10.0}
}
```

Prices are in US dollars for a million tokens; a configuration overrides them (``prices``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, Self

from luminora.errors import ConfigError

JsonMode = Literal["schema", "object", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of one model.

    Attributes:
        json: Whether the vendor can hold it to a schema, to JSON at all, or to nothing.
        unsupported: Parameters it refuses, by the names of :class:`ChatRequest` or of options.
        context: Tokens of prompt and answer together, if known.
        max_output: Tokens of an answer, if known.
        max_input: Tokens of one text to embed, if known.
        dimension: Length of its vectors, for an embedding model.
        dimensions: Other lengths it can be asked for.
        input_price: US dollars for a million tokens of the prompt, if known.
        output_price: The same of the answer.
        extra: What else the entry says, for the vendor's own adapter.
    """

    json: JsonMode = "schema"
    unsupported: frozenset[str] = frozenset()
    context: int | None = None
    max_output: int | None = None
    max_input: int | None = None
    dimension: int | None = None
    dimensions: tuple[int, ...] = ()
    input_price: float | None = None
    output_price: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """US dollars of one call; None where a price is not known."""
        if self.input_price is None or (self.output_price is None and completion_tokens):
            return None
        total = prompt_tokens * self.input_price + completion_tokens * (self.output_price or 0.0)
        return total / 1_000_000

    def length_to_ask(self, model: str, wanted: int | None, *, only: bool = False) -> int | None:
        """The length of vectors to ask the vendor for; None for the model's own.

        Args:
            model: As errors name it.
            wanted: As configured, if it is.
            only: Whether no other lengths than :attr:`dimensions` can be had; otherwise they are
                examples, and the model's own is the longest.

        Raises:
            ConfigError: The model cannot make vectors of that length.
        """
        if wanted is None or wanted == self.dimension or self.dimension is None:
            return None if wanted == self.dimension else wanted
        if wanted in self.dimensions or (self.dimensions and not only and wanted < self.dimension):
            return wanted
        lengths = sorted({self.dimension, *self.dimensions})
        raise ConfigError(
            f"vectors of '{model}' cannot have {wanted} numbers",
            hint=f"set dimension to {' or '.join(map(str, lengths))}, or leave it out",
        )


class ModelTable:
    """The facts of a vendor's models.

    Args:
        entries: By name or by a beginning with ``*``.
        default: Of a model that no entry matches.
    """

    def __init__(
        self, entries: Mapping[str, Mapping[str, Any]], default: ModelFacts | None = None
    ) -> None:
        self._entries = entries
        self._default = default or ModelFacts()
        self._found: dict[str, ModelFacts] = {}

    @classmethod
    def of(
        cls,
        package: str,
        prices: Mapping[str, Mapping[str, float]] | None = None,
        default: ModelFacts | None = None,
    ) -> Self:
        """The table that lies in a package, with the configuration's prices over its own.

        Args:
            package: The plugin's top-level package.
            prices: By model: ``input`` and ``output``, US dollars for a million tokens.
            default: Of a model that is not in it.
        """
        entries = dict(_shipped(package))
        table = cls(entries, default)
        for model, price in (prices or {}).items():
            known = dict(table._entry(model))
            known |= {f"{side}_price": amount for side, amount in price.items()}
            entries[model] = known
        return table

    def facts(self, model: str) -> ModelFacts:
        """What is known of a model."""
        if model not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()  # whoever asks may make up names
            self._found[model] = self._looked_up(model)
        return self._found[model]

    def _looked_up(self, model: str) -> ModelFacts:
        entry = self._entry(model)
        if not entry:
            return self._default
        known = {name: value for name, value in entry.items() if name in _FIELDS}
        known["unsupported"] = frozenset(known.get("unsupported", self._default.unsupported))
        known["dimensions"] = tuple(known.get("dimensions", ()))
        known["extra"] = {name: value for name, value in entry.items() if name not in _FIELDS}
        return replace(self._default, **known)

    def _entry(self, model: str) -> Mapping[str, Any]:
        if model in self._entries:
            return self._entries[model]
        matching = [
            name for name in self._entries if name.endswith("*") and model.startswith(name[:-1])
        ]
        return self._entries[max(matching, key=len)] if matching else {}


_REMEMBERED = 256
_FIELDS = frozenset(ModelFacts.__dataclass_fields__) - {"extra"}


@cache
def _shipped(package: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        text = files(package).joinpath("models.json").read_text("utf-8")
    except FileNotFoundError:
        return MappingProxyType({})
    found: dict[str, Any] = json.loads(text)
    return MappingProxyType({name: one for name, one in found.items() if isinstance(one, dict)})
