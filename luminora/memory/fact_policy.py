"""Which facts may be kept: categories that are switched off, and the least confidence."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from luminora.memory.analysis import Analysis
from luminora.memory.fact_reader import FoundFact

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FactPolicy:
    """What ``memory.facts`` of the configuration says.

    Attributes:
        disabled: Categories of which nothing may be kept.
        least: The lowest confidence, 0 to 1, with which a fact is kept.
    """

    disabled: tuple[str, ...] = ()
    least: float = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From the configuration's section ``memory``."""
        facts = settings.get("facts", {})
        return cls(tuple(facts.get("disabled_categories", ())), facts.get("min_confidence", 0.0))

    def admits(self, found: FoundFact) -> bool:
        """Whether the fact may be kept."""
        return found.category not in self.disabled and found.confidence >= self.least

    def applied(self, analysis: Analysis) -> Analysis:
        """The analysis without the facts that may not be kept; those are counted as dropped."""
        kept = [fact for fact in analysis.facts if self.admits(fact)]
        skipped = len(analysis.facts) - len(kept)
        if not skipped:
            return analysis
        log.info("%d facts were not kept: memory.facts does not allow them", skipped)
        return replace(analysis, facts=kept, dropped=analysis.dropped + skipped)
