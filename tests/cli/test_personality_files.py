from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.personality import PersonalityLibrary, card_json, card_png, from_card, read_card

CARD = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        "name": "Mira",
        "description": "{{char}} keeps a lighthouse.",
        "first_mes": "Good evening from the lighthouse.",
        "system_prompt": "Obey.",
        "extensions": {},
    },
}


def run(capsys, *arguments, group="personality"):
    code = main([group, *arguments])
    output = capsys.readouterr()
    return output.out, output.err, code


@pytest.fixture
def configured():
    Path("luminora.json").write_text('{"personality": {"paths": ["mine"]}}')
    Path("mira.png").write_bytes(card_png(CARD))


@pytest.mark.usefixtures("configured")
def test_an_imported_card_can_be_talked_with_at_once(capsys, monkeypatch):
    out, err, code = run(capsys, "import", "mira.png")
    assert (code, out) == (0, f"Mira: {Path('mine/mira.json').absolute()}\n")
    assert "'system_prompt' is kept but not followed" in err
    assert "Mira (mira), en" in run(capsys, "show", "mira")[0]
    assert "Mira keeps a lighthouse." in run(capsys, "compile", "mira", "--affinity", "30")[0]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Hello!\n")))
    out, err, code = run(capsys, "--personality", "mira", group="chat")
    assert code == 0, err
    assert "Good evening from the lighthouse." in out


@pytest.mark.usefixtures("configured")
def test_nothing_is_overwritten_unless_forced(capsys):
    Path("mine").mkdir()
    Path("mine/mira.json").write_text("precious")
    _, err, code = run(capsys, "import", "mira.png")
    assert code == 1
    assert "--force" in err
    assert Path("mine/mira.json").read_text() == "precious"
    out, _, code = run(capsys, "import", "mira.png", "--name", "Mira", "--force", "--json")
    assert code == 0
    assert json.loads(out)["name"] == "mira"
    assert json.loads(Path("mine/mira.json").read_text()) == from_card(CARD)


def test_without_a_folder_it_asks_for_one(capsys):
    Path("mira.json").write_bytes(card_json(CARD))
    _, err, code = run(capsys, "import", "mira.json")
    assert code == 1
    assert "--output" in err
    assert run(capsys, "import", "mira.json", "--output", "out.json")[2] == 0
    assert Path("out.json").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"PK\x03\x04", card_png(CARD)[:-9], b'{"spec": "chara_card_v9"}']
)
@pytest.mark.usefixtures("configured")
def test_a_bad_card_leaves_no_trace(content, capsys):
    Path("bad.card").write_bytes(content)
    out, err, code = run(capsys, "import", "bad.card")
    assert (code, out) == (1, "")
    assert "bad.card" in err
    assert not Path("mine").exists()


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_an_exported_persona_comes_back_as_it_was(version, capsys):
    Path("face.png").write_bytes(card_png(CARD))
    arguments = ("export", "sakura", "--format", version, "--output")
    assert run(capsys, *arguments, "sakura.card.json")[2] == 0
    assert run(capsys, *arguments, "s.png", "--png", "--picture", "face.png")[2] == 0
    assert read_card("sakura.card.json") == read_card("s.png")
    assert read_card("s.png")["spec"] == f"chara_card_{version}"
    assert run(capsys, "import", "s.png", "--output", "back.json")[2] == 0
    original = PersonalityLibrary().load("sakura").to_document()
    assert json.loads(Path("back.json").read_text()) == original
    assert run(capsys, *arguments, "s.png")[2] == 1
    assert run(capsys, *arguments, "t.json", "--picture", "face.png")[2] == 2
    assert run(capsys, *arguments, "t.png", "--png", "--picture", "back.json")[2] == 1
    assert run(capsys, *arguments, "t.png", "--png", "--picture", "none.png")[2] == 1
    assert not Path("t.png").exists()


def test_blend_prints_or_writes(capsys):
    out, _, code = run(capsys, "blend", "sakura", "cassian", "--weight", "0.3", "--name", "Mika")
    assert code == 0
    assert json.loads(out)["persona"]["name"] == "Mika"
    arguments = ("blend", "sakura", "cassian", "--weight", "0.3", "--name", "Mika")
    assert run(capsys, *arguments, "--output", "mika.json")[2] == 0
    assert json.loads(Path("mika.json").read_text()) == json.loads(out)
    assert json.loads(run(capsys, *arguments, "--json")[0])["document"] == json.loads(out)
    assert "mika.json: ok" in run(capsys, "validate", "mika.json")[0]
    assert run(capsys, *arguments, "--output", "mika.json")[2] == 1
    assert run(capsys, "blend", "sakura", "cassian", "--weight", "2")[2] == 2


@pytest.mark.usefixtures("configured")
def test_a_blend_can_be_talked_with_at_once(capsys, monkeypatch):
    arguments = ("blend", "sakura", "marisol", "--weight", "0.3", "--name", "Mika")
    assert run(capsys, *arguments, "--output", "mine/mika.json")[2] == 0
    assert "Mika (mika), es" in run(capsys, "show", "mika")[0]
    for who in ("mika", "./mine/mika.json"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("¡Hola!\n".encode())))
        out, err, code = run(capsys, "--personality", who, group="chat")
        assert code == 0, err
        assert out.strip()


def test_a_blend_replaces_a_file_only_by_force(capsys):
    Path("mika.json").write_text("precious")
    arguments = ("blend", "sakura", "cassian", "--output", "mika.json")
    assert run(capsys, *arguments)[2] == 1
    assert Path("mika.json").read_text() == "precious"
    out, _, code = run(capsys, *arguments, "--force", "--json")
    assert code == 0
    assert json.loads(out)["called"] == "Sakura & Cassian"
    assert "mika.json: ok" in run(capsys, "validate", "mika.json")[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "malformed JSON"),
        ('{"persona": {"name": "X"}}', "is missing"),
        ('{"persona": ' * 70 + "1" + "}" * 70, "nested more than 64"),
        (f'{{"big": {"9" * 400}}}', "too large"),
        (" " * 5_000_000, "larger than 1 MiB"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("show", "./bad.json"),
        ("compile", "./bad.json"),
        ("validate", "bad.json"),
        ("blend", "sakura", "./bad.json", "--output", "out.json"),
    ],
)
def test_a_bad_persona_is_refused_by_every_command(command, content, said, capsys):
    Path("bad.json").write_text(content)
    out, err, code = run(capsys, *command)
    assert code == 1
    assert said in out + err
    assert "bad.json" in out + err
    assert not Path("out.json").exists()
