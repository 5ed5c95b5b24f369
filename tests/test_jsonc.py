from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora import _jsonc
from luminora.errors import ConfigError, PersonalityInvalid

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab/~\"'*,", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)
blank = st.sampled_from(["", " ", "\n", "// a, b ] }\n", '/* " { \n */', "\t"])


@given(values, st.data())
def test_what_json_accepts_is_read_alike_whatever_stands_between(value, data):
    def spell(node):
        gap = data.draw(blank)
        if isinstance(node, dict):
            inner = ",".join(
                f"{gap}{json.dumps(key)}{gap}:{spell(item)}" for key, item in node.items()
            )
            return f"{gap}{{{inner}{',' if inner and data.draw(st.booleans()) else ''}{gap}}}"
        if isinstance(node, list):
            inner = ",".join(spell(item) for item in node)
            return f"[{inner}{',' if inner and data.draw(st.booleans()) else ''}{gap}]{gap}"
        return gap + json.dumps(node, ensure_ascii=data.draw(st.booleans())) + gap

    text = spell(value)
    assert _jsonc.parse(text, "x") == value
    assert _jsonc.parse(text.encode(), "x") == value
    pointers = _jsonc.lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in pointers.values())
    assert "" in pointers


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_input_is_read_or_refused(source):
    try:
        _jsonc.parse(source, "x")
    except ConfigError as refusal:
        where = refusal.where
    else:
        where = "x"
    assert where.startswith("x")
    if isinstance(source, str):
        _jsonc.lines(source)


@given(st.text('{}[]:,"\\/*1a \n', max_size=40))
def test_near_json_too(source):
    plain = None
    try:
        plain = json.loads(source, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return
    try:
        found = _jsonc.parse(source, "x")
    except ConfigError as refusal:
        found = plain if "twice" in refusal.message else refusal
    assert found == plain


@pytest.mark.parametrize(
    ("source", "where", "message"),
    [
        ('{"a": 1, "a": 2}', "f:1 (/a)", "the same key is given twice"),
        ('{"a": [1, {"b": 1,\n"b": 2}]}', "f:2 (/a/1/b)", "the same key is given twice"),
        ("[1,\nNaN]", "f:2 (/1)", "NaN is not JSON"),
        ('{"a": -Infinity}', "f:1 (/a)", "-Infinity is not JSON"),
        ('{"a": 1e999}', "f:1 (/a)", "too large"),
        ('{"a":\n\n"\\ud800"}', "f:3 (/a)", "surrogate"),
        ('{"a": "\ud800"}', "f:1 (/a)", "surrogate"),
        ('{"a": ' + "1" * 5000 + "}", "f", "too many digits"),
        ("[" * 65 + "]" * 65, "f:1", "nested more than 64"),
        ("[" * 100_000, "f:1", "nested more than 64"),
        (b"\xff\xfe{}", "f:1", "not UTF-8"),
        (b'{"a":\n"\xe9"}', "f:2", "not UTF-8"),
        ('{"a":\n1', "f:2 (/a)", "malformed JSON: expecting ',' delimiter"),
        ('{"a": 1}}', "f:1 (/a)", "extra data"),
        ("[,]", "f:1", "malformed"),
        ("[1,,]", "f:1 (/0)", "malformed"),
        ("", "f:1", "malformed"),
        ("/* never", "f:1", "comment is never closed"),
        ('\n"never', "f:2", "text is never closed"),
        ("{'a': 1}", "f:1", "malformed"),
        ('"' + "x" * _jsonc.MAX_BYTES + '"', "f", "larger than 1 MiB"),
        (b" " * (_jsonc.MAX_BYTES + 1), "f", "larger than 1 MiB"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(source, where, message):
    with pytest.raises(ConfigError) as refusal:
        _jsonc.parse(source, "f")
    assert refusal.value.where == where
    assert message in refusal.value.message


def test_the_largest_and_deepest_that_is_allowed():
    assert _jsonc.parse("[" * 64 + "]" * 64, "f")
    assert _jsonc.parse('"' + "x" * (_jsonc.MAX_BYTES - 2) + '"', "f")


def test_a_byte_order_mark_is_no_obstacle():
    assert _jsonc.parse(b"\xef\xbb\xbf{}", "f") == _jsonc.parse("\ufeff{}", "f") == {}


def test_surrogate_pairs_are_characters():
    assert _jsonc.parse('"\\ud83d\\ude00"', "f") == "😀"


def test_each_reader_has_its_own_error():
    with pytest.raises(PersonalityInvalid):
        _jsonc.parse("{", "sakura.json", error=PersonalityInvalid)


def test_lines_by_pointer():
    text = '// first\n{\n  "a": [1,\n    {"x": 1}],\n  "b/c":\n    2\n}'
    assert _jsonc.lines(text) == {"": 2, "/a": 3, "/a/0": 3, "/a/1": 4, "/a/1/x": 4, "/b~1c": 5}
