"""The drawings of screens: how one is made, and what the committed ones must not show."""

from __future__ import annotations

import getpass
import re
import socket
from xml.etree import ElementTree as ET

import pyte
import pytest

from luminora.cli import COMMANDS
from tools.screens import PAGE, ROOT, SCENES, TARGET, page
from tools.svg import COLOURS, drawing

DRAWINGS = sorted(TARGET.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(text, columns=20):
    screen = pyte.Screen(columns, 3)
    pyte.Stream(screen).feed(text)
    return ET.fromstring(drawing([screen.buffer[0]], columns, "a <title>"))  # noqa: S314 - ours


def test_a_screen_is_drawn_with_its_letters_colours_and_weight():
    tree = drawn("plain \x1b[1;32m<green> & bold\x1b[0m")
    title, plain, green = tree.iter(f"{SVG}text")
    assert (title.text, plain.text, green.text) == ("a <title>", "plain ", "<green> & bold")
    assert green.get("fill") == COLOURS["green"]
    assert green.get("font-weight") == "bold"
    assert plain.get("font-weight") is None
    assert float(green.get("x")) > float(plain.get("x"))


def test_what_is_shown_inverted_has_its_colour_behind_it():
    tree = drawn("\x1b[7;31mx\x1b[0m")
    behind = list(tree.iter(f"{SVG}rect"))[1]
    assert behind.get("fill") == COLOURS["red"]


def test_every_scene_of_a_command_that_exists_is_drawn_and_shown():
    there = {one.name for one in SCENES if one.command[0] in {*COMMANDS, "--help"}}
    assert there <= {path.stem for path in DRAWINGS}, "run make screens"
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(), "run make screens"
    assert sorted(re.findall(r"\(screens/(.*?)\.svg\)", text)) == sorted(
        one.stem for one in DRAWINGS
    )


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_shows_nothing_of_the_machine_and_loads_nothing(path):
    text = path.read_text(encoding="utf-8")
    words = set(re.findall(r"[\w.-]+", re.sub(r"<[^>]*>", " ", text)))
    secret = {socket.gethostname(), getpass.getuser(), "root", "pytest", "Traceback"}
    assert words & (secret - {"emma"}) == set()
    assert str(ROOT) not in text
    assert "site-packages" not in text
    assert set(re.findall(r"https?://[^\"\s<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert ET.fromstring(text).tag == f"{SVG}svg"  # noqa: S314 - ours
