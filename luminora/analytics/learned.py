"""What was learned of users: facts, and how they changed."""

from __future__ import annotations

from luminora.analytics.days import Days
from luminora.analytics.figures import Facts
from luminora.analytics.period import Period
from luminora.analytics.tallies import Top
from luminora.providers import Is, Row, Scope, StorageProvider

_PAGE = 500
_SHOWN = 25


async def facts(
    storage: StorageProvider, scope: Scope, personality: str | None, period: Period, days: Days
) -> Facts:
    """The facts of a period, by category and by day."""
    where = {} if personality is None else {"personality_name": personality}
    categories, keys = Top(1_000), Top()
    learned = active = mentions = 0
    within = {**where, **period.where("first_mentioned")}
    async for rows in storage.pages("user_facts", scope, within, size=_PAGE):
        for row in rows:
            if not period.holds(row, "first_mentioned"):
                continue
            learned += 1
            active += row["is_active"]
            mentions += row["mention_count"]
            categories.add(row["category"])
            keys.add(f"{row['category']}.{row['key']}")
            days.at(row["first_mentioned"]).facts += 1
    return Facts(
        learned=learned,
        active=active,
        mentions=mentions,
        changed=await _changed(storage, scope, personality, period),
        categories=categories.best(_SHOWN),
        keys=keys.best(_SHOWN),
    )


async def _changed(
    storage: StorageProvider, scope: Scope, personality: str | None, period: Period
) -> int:
    changed = 0
    where = period.where("created_at")
    async for rows in storage.pages("fact_history", scope, where, size=_PAGE):
        within = [row for row in rows if period.holds(row, "created_at")]
        changed += await _of_personality(storage, scope, within, personality)
    return changed


async def _of_personality(
    storage: StorageProvider, scope: Scope, rows: list[Row], personality: str | None
) -> int:
    """How many are about facts that this personality heard: the history does not say itself."""
    if personality is None or not rows:
        return len(rows)
    own = {
        "id": Is("in", sorted({row["fact_id"] for row in rows})),
        "personality_name": personality,
    }
    heard = {fact["id"] for fact in await storage.find("user_facts", scope, own)}
    return sum(row["fact_id"] in heard for row in rows)
