from __future__ import annotations

import pytest

from luminora.errors import InputError, PersonalityInvalid, PersonalityNotFound
from luminora.personality import PersonalityLibrary


@pytest.fixture
def library(tmp_path, write, plain):
    write("own/luna.json", {**plain, "persona": {"name": "Own Luna"}})
    write("shipped/luna.json", {**plain, "persona": {"name": "Shipped Luna"}})
    write("shipped/sol.json", plain)
    return PersonalityLibrary([tmp_path / "own", tmp_path / "absent"], builtin=tmp_path / "shipped")


def test_names_are_sorted_and_unique(library):
    assert library.names() == ("luna", "sol")


def test_the_search_path_comes_before_the_built_in_folder(library):
    persona = library.load("luna")
    assert (persona.slug, persona.name) == ("luna", "Own Luna")


def test_the_suffix_may_be_given(library, tmp_path):
    assert library.find("sol.json") == library.find("sol") == tmp_path / "shipped" / "sol.json"


def test_the_personas_of_luminora_are_found_without_a_search_path():
    assert {"alicia", "sakura"} <= set(PersonalityLibrary().names())
    assert PersonalityLibrary().load("alicia.json").name == "Alicia"


@pytest.mark.parametrize(
    "name",
    [
        "../luna",
        "..",
        "../own/luna.json",
        "/etc/passwd",
        "own/luna",
        "own\\luna",
        "C:luna",
        "luna\0",
        "luna\n",
        "Luna",
        "lüna",
        "",
        ".json",
        ".luna",
        "-luna",
        "luna.json.json",
        "~luna",
        "l" * 65,
        "%2e%2e%2fluna",
        "\ud800",
    ],
)
def test_what_is_not_a_name_is_refused_before_the_disk_is_touched(library, name):
    with pytest.raises(InputError) as caught:
        library.find(name)
    assert "load_file" in caught.value.hint
    str(caught.value).encode()


def test_an_unknown_name_gets_a_proposal_and_the_list(library):
    with pytest.raises(PersonalityNotFound) as caught:
        library.load("lunna")
    assert "did you mean 'luna'?" in caught.value.hint
    assert "luna, sol" in caught.value.hint
    assert "own" in caught.value.where


def test_a_library_without_personas_says_so(tmp_path):
    with pytest.raises(PersonalityNotFound, match="available: none"):
        PersonalityLibrary(builtin=tmp_path / "absent").load("luna")


def test_a_link_that_leaves_the_folder_is_not_followed(library, tmp_path, write, plain):
    secret = write("elsewhere/secret.json", plain)
    (tmp_path / "own" / "secret.json").symlink_to(secret)
    assert "secret" not in library.names()
    with pytest.raises(PersonalityInvalid, match="symbolic link"):
        library.load("secret")


def test_a_link_within_the_folder_is_fine(library, tmp_path):
    (tmp_path / "own" / "moon.json").symlink_to("luna.json")
    assert "moon" in library.names()
    assert library.load("moon").name == "Own Luna"


def test_a_link_in_a_circle_is_not_found(library, tmp_path):
    (tmp_path / "own" / "loop.json").symlink_to("loop.json")
    assert "loop" not in library.names()
    with pytest.raises(PersonalityNotFound):
        library.load("loop")


def test_files_that_are_no_personas_are_not_listed(library, write, plain):
    write("own/README.md", "hello")
    write("own/Not A Name.json", plain)
    assert library.names() == ("luna", "sol")


def test_an_explicit_path_is_trusted(write, plain):
    path = write("My Friend.json", {**plain, "persona": {"name": "Mía"}})
    assert PersonalityLibrary.load_file(path).slug == "mia"
    assert PersonalityLibrary.load_file(str(path)).name == "Mía"


def test_an_invalid_file_is_named_with_the_place(write, plain):
    path = write("bad.json", {**plain, "persona": {"name": 7}})
    with pytest.raises(PersonalityInvalid) as caught:
        PersonalityLibrary.load_file(path)
    assert caught.value.where == f"{path} (/persona/name)"
    assert caught.value.message == "this must be a text, but it is 7"
