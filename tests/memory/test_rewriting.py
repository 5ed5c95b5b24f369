"""Questions in other words, through facts and through a model."""

from __future__ import annotations

import pytest

from luminora.errors import ProviderError
from luminora.memory.query import Query
from luminora.memory.rewriting import ModelRewriter, fact_words
from tests.memory.test_selection import fact


def words(text: str, *facts: dict) -> list[str]:
    return [word for word, _ in fact_words(Query.of(text), facts)]


MAX = fact("pet_name", "Max", category="pets")
NAME = fact("name", "Diego", category="personal_info")


@pytest.mark.parametrize("text", ["¿cuándo hablamos de mi mascota?", "when did I mention my dog?"])
def test_a_pet_is_known_by_its_name(text):
    assert words(text, NAME, MAX) == ["Max"]


def test_a_fact_about_something_else_adds_nothing():
    assert words("¿qué tiempo hace?", NAME, MAX) == []


def test_the_reason_names_the_fact():
    query = Query.of("mi perro")

    wider = query.widened(fact_words(query, [MAX]))

    assert {word.text: word.reason for word in wider.added}["max"] == "the fact pet_name"


def test_prose_and_numbers_lend_no_words_but_parts_of_objects_do():
    story = fact("pet_story", "he was found in the rain by the old harbour one night")
    age = fact("pet_age", 8)
    both = fact("pets", {"dog": "Max", "cat": "Luna"})

    assert words("my pet", story, age, both) == ["Max", "Luna"]


class Model:
    def __init__(self, answer):
        self.answer = answer

    async def chat_json(self, request):
        assert "question" in request.messages[-1].content
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer, None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"words": ["perro", 3, "Max\0"]}, ["perro", "Max"]),
        ({"words": "perro"}, []),
        ({}, []),
        (ProviderError("down", provider="x"), []),
    ],
)
async def test_a_model_may_add_words_and_may_fail(answer, expected):
    added = await ModelRewriter(Model(answer)).words("mi mascota")

    assert [word for word, _ in added] == expected
