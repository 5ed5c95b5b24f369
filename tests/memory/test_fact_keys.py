from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.memory.fact_keys import ALIASES, CATEGORIES, canonical, covers, member, normal_key
from luminora.providers.vocabulary import TOPIC_OF


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user_name", "nombre"),
        ("Full Name", "name"),
        ("ciudad", "current_city"),
        ("lives_in", "location"),
        ("favourite_food", "comida_favorita"),
        ("película favorita", "fav_movie"),
        ("favorite_football_team", "equipo_favorito"),
        ("dogs_name", "nombre_de_la_mascota"),
        ("wife_name", "nombre_esposa"),
        ("occupation", "profesión"),
        ("user_age", "edad"),
        ("cumpleaños", "birth_date"),
        ("enjoys_tea", "likes_tea"),
        ("le_gusta_el_cafe", "likes_cafe"),
        ("species_of_pet_type", "species_of_pet_type"),
        ("pet_species", "tipo_de_mascota"),
    ],
)
def test_one_thing_has_one_name(one, other):
    one, other = normal_key(one), normal_key(other)

    assert canonical("other", one) == canonical("work", other) or one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("brother_name", "sister_name"),
        ("favorite_food", "favorite_drink"),
        ("pet_name", "pet_name_2"),
        ("location", "origin"),
        ("company", "work_location"),
        ("likes_tea", "dislikes_tea"),
    ],
)
def test_two_things_have_two(one, other):
    assert canonical("other", one) != canonical("other", other)


def test_what_is_not_known_stays_in_its_category():
    assert canonical("schedule", "gym_day") == ("schedule", "gym_day")
    assert canonical("nonsense", "gym_day") == ("other", "gym_day")


@pytest.mark.parametrize("key", sorted(set(ALIASES.values())))
def test_a_name_that_is_right_is_left_alone(key):
    category, name = canonical("other", key)

    assert name == key
    assert category in CATEGORIES
    assert canonical(category, name) == (category, name)


@given(st.text(), st.sampled_from(CATEGORIES))
def test_what_was_normalised_is_not_changed_again(text, category):
    key = normal_key(text)
    if key is not None:
        home, name = canonical(category, key)
        assert home in CATEGORIES
        assert canonical(home, name) == (home, name)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("hobby", "Chess", ("hobby_chess", "Chess")),
        ("hobby_1", "the chess", ("hobby_chess", "the chess")),
        ("goal", "Aprender japonés", ("goal_aprender_japones", "Aprender japonés")),
        ("likes_pizza", True, ("likes_pizza", "pizza")),
        ("location", "Lima", ("location", "Lima")),
        ("hobby", "!!", ("hobby", "!!")),
    ],
)
def test_a_member_of_a_family_has_a_key_of_its_own(key, value, expected):
    assert member(key, value) == expected


def test_a_family_covers_its_members_and_a_key_itself():
    assert covers("hobby", "hobby_chess")
    assert covers("name", "name")
    assert not covers("name", "name_day")
    assert not covers("hobby", "dislikes_chess")


@pytest.mark.parametrize(("noun", "topic"), TOPIC_OF.items())
def test_rules_and_models_mean_the_same_favourites(noun, topic):
    for key in (f"favorite_{topic}", f"favourite_{noun}", f"{noun}_favorita"):
        assert canonical("other", normal_key(key)) == ("preferences", f"favorite_{topic}")
