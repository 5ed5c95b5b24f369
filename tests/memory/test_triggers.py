from __future__ import annotations

import pytest

from luminora.memory.triggers import triggered

TRIGGERS = {
    "happy": ("buenas noticias", "so happy"),
    "hurt": ("te odio", "shut up"),
    "nostalgic": ("mi abuela", "when i was a kid"),
    "playful": ("jaja",),
    "calm": ("no pasa nada",),
}


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("¡Buenas NOTICIAS!", "happy"),
        ("I'm so happy", "happy"),
        ("Te odio.", "hurt"),
        ("No te odio", None),
        ("I would never ever shut up", None),
        ("te odiosa", None),
        ("ayer vi a mi abuela", "nostalgic"),
        ("jajajaja", "playful"),
        ("ja", None),
        ("tranquila, no pasa nada", "calm"),
        ("jaja, when I was a kid", "nostalgic"),
        ("", None),
    ],
)
def test_phrases_match_whole_words_undenied_the_longest_first(text, mood):
    assert triggered(text, TRIGGERS) == mood


def test_without_triggers_nothing_is_called_for():
    assert triggered("te odio", {}) is None
    assert triggered("te odio", {"hurt": ("", "¡!")}) is None
