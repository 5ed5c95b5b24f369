from __future__ import annotations

import json
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.personality import PersonalityLibrary, card_json, card_png
from tests.cli.terminal import luminora
from tests.cli.test_personality_files import CARD

SAKURA = PersonalityLibrary().find("sakura").read_text()
HANA = f"// mine\n{SAKURA}"


def run(capsys, *arguments, code=0):
    assert main(["load-personality", *arguments]) == code
    return capsys.readouterr()


@pytest.fixture
def home(private_world):
    return private_world / "data" / "personalities"


async def test_a_loaded_persona_is_found_by_its_name(capsys, home):
    Path("hana.json").write_text(HANA)
    said = run(capsys, "hana.json")
    assert said.out == f"Sakura (hana): {home / 'hana.json'}\n"
    assert said.err == "→ luminora chat --personality hana\n"
    assert (home / "hana.json").read_text() == HANA
    async with await LuminoraCoreClient.from_config() as client:
        session = await client.get_session(await client.create_session("ana", personality="hana"))
        assert session.personality_name == "hana"
    assert main(["personality", "list"]) == 0
    assert "hana" in capsys.readouterr().out


def test_it_goes_to_the_first_folder_of_the_configuration(capsys):
    Path("deep").mkdir()
    Path("deep/luminora.json").write_text('{"personality": {"paths": ["mine", "others"]}}')
    Path("hana.json").write_text(HANA)
    run(capsys, "hana.json", "--config", "deep/luminora.json")
    assert Path("deep/mine/hana.json").read_text() == HANA


@pytest.mark.parametrize(
    ("name", "data"), [("card.json", card_json(CARD)), ("card.png", card_png(CARD))]
)
def test_a_character_card_becomes_a_persona(capsys, home, name, data):
    Path(name).write_bytes(data)
    said = run(capsys, name)
    assert said.out == f"Mira (mira): {home / 'mira.json'}\n"
    assert "'system_prompt' is kept but not followed" in said.err
    assert json.loads((home / "mira.json").read_text())["persona"]["name"] == "Mira"


def test_one_of_the_same_name_is_replaced_by_force_only(capsys, home):
    Path("hana.json").write_text(HANA)
    run(capsys, "hana.json")
    run(capsys, "hana.json")  # the same once more is no conflict
    Path("hana.json").write_text(SAKURA)
    assert "--force" in run(capsys, "hana.json", code=1).err
    assert (home / "hana.json").read_text() == HANA
    run(capsys, "hana.json", "--force")
    assert (home / "hana.json").read_text() == SAKURA


def test_the_name_of_a_bundled_one_will_do(capsys, home):
    for name in ("alicia.json", "alicia"):
        assert "Alicia (alicia) comes with Luminora" in run(capsys, name).out
    assert not home.exists()
    Path("alicia.json").write_text(HANA)
    assert "takes the place of the 'alicia' that comes with" in run(capsys, "alicia.json").err


def test_the_default_is_written_into_the_configuration(capsys):
    Path("luminora.json").write_text('{"personality": {"default": "sakura"} /* mine */}')
    Path("hana.json").write_text(HANA)
    said = run(capsys, "hana.json", "--default")
    assert "luminora.json: personality.default is hana now" in said.out
    assert said.err == "→ luminora chat\n"
    assert Path("luminora.json").read_text() == '{"personality": {"default": "hana"} /* mine */}'
    found = json.loads(run(capsys, "alicia", "--default", "--json").out)
    assert (found["name"], found["bundled"], found["default"]) == ("alicia", True, True)
    assert '"default": "alicia"' in Path("luminora.json").read_text()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("bad.json", b'{"persona": {}}', "core_traits"),
        ("bad.json", b'{"spec": "chara_card_v9", "data": {}}', "spec"),
        ("bad.json", b"{", "malformed"),
        ("bad.png", card_png(CARD)[:-9], "PNG"),
        ("nobody.json", None, "there is no such file, and there is no personality 'nobody'"),
        ("alicai", None, "did you mean 'alicia'?"),
        ("no/such.json", None, "there is no such file"),
    ],
)
def test_what_is_no_persona_leaves_no_trace(capsys, home, name, content, told):
    if content is not None:
        Path(name).write_bytes(content)
    said = run(capsys, name, "--default", code=1)
    assert told in said.err
    assert said.out == ""
    assert not home.exists()
    assert not Path("luminora.json").exists()


def test_the_persona_talks_after_the_seeds_two_commands():
    assert luminora("load-personality", "alicia.json").returncode == 0
    done = luminora("chat", "--personality", "alicia", said="Hola\n")
    assert done.returncode == 0
    assert done.out.strip()
