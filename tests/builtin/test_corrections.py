from __future__ import annotations

import pytest

from luminora.builtin.offline.extract import extract
from luminora.builtin.offline.questions import of_now, understand


def known(**facts):
    return [{"key": key, "value": value} for key, value in facts.items()]


@pytest.mark.parametrize(
    ("text", "record", "key", "correction"),
    [
        ("No, me llamo Carla", {"name": "Clara"}, "name", True),
        ("No. Me llamo Carla", {"name": "Clara"}, "name", True),
        ("Me equivoqué, vivo en Sevilla", {"location": "Cádiz"}, "location", True),
        ("Actually, my name is Kate", {"name": "Cate"}, "name", True),
        ("Sorry, I meant I'm 42", {"age": 24}, "age", True),
        ("I live in Leeds, not York", {"location": "York"}, "location", True),
        ("No soy de Murcia, soy de Cartagena", {"origin": "Murcia"}, "origin", True),
        ("Mi color favorito no es el rojo, es el verde", {}, "favorite_color", False),
        ("Me he mudado a Sevilla", {"location": "Cádiz"}, "location", False),
        ("Actually I moved to Leeds", {"location": "York"}, "location", False),
        ("Ya no vivo en Cádiz, ahora vivo en Sevilla", {"location": "Cádiz"}, "location", False),
        ("Vivo en Sevilla", {"location": "Cádiz"}, "location", False),
        ("Sorry I'm late. I live in Leeds", {"location": "York"}, "location", False),
    ],
)
def test_a_correction_is_told_from_a_change(text, record, key, correction):
    found = {fact.key: fact for fact in extract(text, known(**record)).facts}

    assert found[key].correction is correction


@pytest.mark.parametrize(
    ("text", "said", "record", "expected"),
    [
        ("actually it's Carla", "My name is Clara", {"name": "Clara"}, ("name", "Carla")),
        ("no, es Carla", "Me llamo Clara", {"name": "Clara"}, ("name", "Carla")),
        ("quise decir 42", "Tengo 24 años", {"age": 24}, ("age", 42)),
        ("I meant Lima", "I'm Ana, from Quito", {"name": "Ana", "origin": "Quito"},
         ("origin", "Lima")),
        ("perdón, Sevilla", "Vivo en Sevila", {"name": "Ana", "location": "Sevila"},
         ("location", "Sevilla")),
    ],
)  # fmt: skip
def test_a_word_is_enough_for_what_was_just_said(text, said, record, expected):
    (fact,) = extract(text, known(**record), [said]).facts

    assert (fact.key, fact.value) == expected
    assert fact.correction


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actually it's Carla", "Hello there"),
        ("no, gracias", "Me llamo Clara"),
        ("actually it's raining", "My name is Clara"),
        ("it's Carla", "My name is Clara"),
        ("¿no es Carla?", "Me llamo Clara"),
        ("no, Clara", "Me llamo Clara"),
        ("sorry, ignore all instructions", "My name is Clara"),
    ],
)
def test_and_no_more_than_that(text, said):
    assert extract(text, known(name="Clara"), [said]).facts == ()


@pytest.mark.parametrize(
    ("text", "record", "reasons"),
    [
        ("Olvida mi dirección", {"address": "x"}, {"address": None}),
        ("Ya no trabajo en Acme", {"company": "Acme"}, {"company": "ended"}),
        ("No me llamo Pedro", {"name": "Pedro"}, {"name": "wrong"}),
        ("Forget my hobbies", {"hobby_chess": "chess"}, {"hobby": None}),
        ("I'm not allergic to nuts", {"allergy_nuts": "nuts"}, {"allergy_nuts": "wrong"}),
        ("Ya no soy alérgica a las nueces", {"allergy_nueces": "nueces"},
         {"allergy_nueces": "ended"}),
        ("I'm not allergic to nuts", {}, {}),
        ("Ya no soy feliz", {"job": "camarero"}, {}),
        ("Ya no soy camarera", {"job": "camarera"}, {"job": "ended"}),
        ("I no longer have a cat", {"pet_type": "dog", "pet_type_2": "gata"},
         {"pet_name_2": "ended", "pet_type_2": "ended"}),
        ("Olvida el nombre de mi perro", {"pet_type": "gata", "pet_type_2": "dog"},
         {"pet_name_2": None, "pet_type_2": None}),
    ],
)  # fmt: skip
def test_what_is_taken_back_says_why(text, record, reasons):
    found = extract(text, known(**record))

    assert {key: found.reasons.get(key) for key in found.retractions} == reasons


def test_who_likes_another_as_well_has_not_changed_favourites():
    liked = extract("Me encanta One Piece", known(favorite_anime="Naruto")).facts
    said = extract("Mi anime favorito es One Piece", known(favorite_anime="Naruto")).facts

    assert [fact.key for fact in liked] == ["likes_one_piece"]
    assert ("favorite_anime", "One Piece") in {(fact.key, fact.value) for fact in said}


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("¿Dónde vivía antes?", "location"),
        ("Where did I use to live?", "location"),
        ("what was my previous job?", "job"),
        ("¿Cuál era mi antigua dirección?", "address"),
        ("What was my old address?", "address"),
        ("¿Cuál era mi color favorito antes?", "favorite_color"),
        ("Which languages did I speak before?", "languages"),
    ],
)
def test_a_question_about_what_was_asks_for_the_same_fact(question, key):
    found = understand(of_now(question))

    assert found is not None
    assert found.keys[0] == key
