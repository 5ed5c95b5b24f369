from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.personality.markup import spoken, told, without_markup

TAGS = ["<script>", "</script>", "<scr", "ipt>", "<b>", "</b>", "<!--", "-->", "<img", "o=1>"]
PIECES = st.sampled_from([*TAGS, "x", " ", "<", ">"])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a<script>bad()</script>b", "ab"),
        ("a<SCRIPT src='x'>bad", "a"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<style>b{}</style><i>x</i>", "x"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ("a<!-- <b>hid -->b", "ab"),
        ("1 < 2 and 3 > 2, I <3 you", "1 < 2 and 3 > 2, I <3 you"),
        ("<scr<b>ipt>alert", "< script>alert"),
    ],
)
def test_markup_goes_and_text_stays(text, plain):
    assert without_markup(text) == plain


@given(st.lists(PIECES, max_size=12).map("".join))
def test_nothing_is_left_that_opens_a_tag(text):
    assert not re.search(r"<[a-zA-Z/!?]", without_markup(text))


@pytest.mark.parametrize("piece", [" ", "<", "<script>", "<!--", "{{//", "{{user}} ", "\n#", ","])
def test_a_long_text_of_any_one_thing_is_worked_off_at_once(piece):
    # Quadratic, this would take hours.
    assert len(spoken(piece * (1_000_000 // len(piece)), char="a", user="b")) < 3_000_000


def test_the_other_persons_name_goes_where_it_only_calls():
    names = {"char": "Mira", "user": "you"}
    assert spoken("Hi, {{user}}! I see {{user}}.", **names) == "Hi! I see."
    assert told("<USER> met <BOT>.{{// private}}", **names) == "you met Mira."
