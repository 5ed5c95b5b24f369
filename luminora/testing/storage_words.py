"""Storage conformance: full-text search in Spanish and English."""

# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

from luminora.providers.operations import SearchText, Update
from luminora.providers.storage import StorageProvider
from luminora.testing.data import message, new_id
from luminora.testing.kit import Conformance, capability

SAID = (
    "Ayer salí corriendo bajo la lluvia con mi perro Canela",
    "Los niños estaban cansadísimos después de la excursión",
    "I went running in the rain and my shoes are ruined",
    "My grandmother's recipes are the best cakes in town",
    "Mañana tengo una reunión importantísima en Zürich",
    "We adopted two kittens called Luna and Sol",
    "La contraseña del café es CANELA2026",
)


class WordTests(Conformance[StorageProvider]):
    """Searching messages by their words."""

    @capability("full_text")
    async def test_words_are_found_in_all_their_forms(self, provider: StorageProvider) -> None:
        """Inflected, accented or not, in capitals or not, in both languages."""
        user = await _said(provider)
        for query, expected in (
            ("corre", 0),
            ("CORRER", 0),
            ("lluvias", 0),
            ("niña cansada", 1),
            ("excursion", 1),
            ("excursiones", 1),
            ("run", 2),
            ("rains", 2),
            ("cake recipe", 3),
            ("reunion manana", 4),
            ("reuniones", 4),
            ("zurich", 4),
            ("kitten", 5),
            ("adopt", 5),
            ("cafe", 6),
            ("canela2026", 6),
        ):
            hits = await provider.search_text("messages", user, query)
            assert hits, query
            assert hits[0][0]["seq"] == expected, query

    @capability("full_text")
    async def test_scores_are_positive_and_fall(self, provider: StorageProvider) -> None:
        """The more and the rarer the shared words, the better."""
        user = await _said(provider)
        hits = await provider.search_text("messages", user, "running in the rain with my kittens")
        scores = [score for _, score in hits]
        assert [row["seq"] for row, _ in hits[:1]] == [2]
        assert scores == sorted(scores, reverse=True)
        assert all(score > 0 for score in scores)
        assert len(await provider.search_text("messages", user, "canela rain", limit=1)) == 1
        assert await provider.search_text("messages", user, "canela", limit=0) == []

    @capability("full_text")
    async def test_a_hit_is_the_whole_row(self, provider: StorageProvider) -> None:
        """As find would return it, also among several reads at once."""
        user = await _said(provider)
        ((row, score),) = await provider.search_text("messages", user, "kittens")
        assert row == await provider.get("messages", user, id=row["id"])
        assert await provider.read([SearchText("messages", user, "kittens")]) == [[(row, score)]]

    @capability("full_text")
    async def test_search_is_confined_and_filtered(self, provider: StorageProvider) -> None:
        """To the user, and by conditions."""
        ana, bob = await _said(provider), await _said(provider)
        hits = await provider.search_text("messages", ana, "canela lluvia rain")
        assert {row["user_id"] for row, _ in hits} == {ana}
        assert {row["seq"] for row, _ in hits} == {0, 2}
        for where, expected in (
            ({"speaker": "user"}, [2]),
            ({"session_id": "nowhere"}, []),
            ({"session_id": hits[0][0]["session_id"], "seq": 0}, [0]),
        ):
            found = await provider.search_text("messages", ana, "lluvia rain", where=where)
            assert [row["seq"] for row, _ in found] == expected
        assert await provider.search_text("messages", new_id("nobody"), "canela") == []
        assert await provider.search_text("messages", bob, "canela")

    @capability("full_text")
    async def test_search_follows_changes(self, provider: StorageProvider) -> None:
        """Updates, upserts and deletions, each in its own transaction."""
        user = await _said(provider)
        await provider.update(
            Update("messages", user, {"seq": 5}, set={"content": "We adopted a tortoise"})
        )
        assert await provider.search_text("messages", user, "kittens") == []
        ((row, _),) = await provider.search_text("messages", user, "tortoises")
        await provider.upsert("messages", user, {**row, "content": "a hedgehog"})
        assert await provider.search_text("messages", user, "tortoise") == []
        assert len(await provider.search_text("messages", user, "hedgehogs")) == 1
        assert await provider.delete("messages", user, {"seq": 5}) == 1
        assert await provider.search_text("messages", user, "hedgehog") == []
        assert await provider.delete("messages", user) == len(SAID) - 1
        assert await provider.search_text("messages", user, "canela") == []

    @capability("full_text")
    async def test_any_text_can_be_asked_for(self, provider: StorageProvider) -> None:
        """Operators of the database's query language are words, or nothing."""
        user = await _said(provider)
        for query in (
            "",
            "   ",
            "?!…",
            '"',
            "canela AND NOT lluvia",
            'canela" OR "1"="1',
            "terms:canela",
            "NEAR(canela, 5)",
            "canela*",
            "^canela + -canela ~canela (canela",
            "'; DROP TABLE messages; --",
            "$where canela",
            "\U0001f600 \u202e",
            "canela " * 500,
        ):
            hits = await provider.search_text("messages", user, query)
            assert bool(hits) == ("canela" in query or "lluvia" in query), query
        assert await provider.count("messages", user) == len(SAID)


async def _said(provider: StorageProvider) -> str:
    """A new user who has said all of it; the English messages are the user's own."""
    user = new_id("user")
    for seq, text in enumerate(SAID):
        speaker = "user" if seq in {2, 3, 5} else "assistant"
        row = message(user, seq, content=text, speaker=speaker)
        await provider.insert("messages", user, row)
    return user
