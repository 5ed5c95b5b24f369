from __future__ import annotations

import json
import os

import pytest

from luminora.errors import PersonalityInvalid, PersonalityNotFound
from luminora.personality.reader import MAX_BYTES, parse, read
from luminora.personality.strict import MAX_DEPTH


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "given twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('{"a": "ñ"}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\\ud83d"}', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b"", "malformed JSON"),
        (b"[]", "must be a JSON object"),
        (nested(MAX_DEPTH + 1).encode(), "nested more than 64"),
        (("[" * 50_000 + "]" * 50_000).encode(), "nested more than 64"),
        (b" " * (MAX_BYTES + 1), "larger than 1 MiB"),
    ],
)
def test_anything_but_strict_bounded_json_is_refused_by_name(content, said):
    with pytest.raises(PersonalityInvalid) as caught:
        parse(content, where="odd.json")
    assert said in caught.value.message
    assert "odd.json" in caught.value.where


def test_comments_and_trailing_commas_pass():
    assert parse(b'// hello\n{"a": 1,}', where="x") == {"a": 1}


def test_a_syntax_error_names_line_and_place():
    with pytest.raises(PersonalityInvalid) as caught:
        parse(b'{\n  "a": 1\n  "b": 2\n}', where="odd.json")
    assert caught.value.where == "odd.json:3 (/b)"


def test_the_limits_themselves_are_allowed():
    assert parse(nested(MAX_DEPTH).encode(), where="x")
    padded = b'{"a": 1}'.ljust(MAX_BYTES)
    assert parse(padded, where="x") == {"a": 1}


def test_a_byte_order_mark_and_emoji_are_allowed():
    content = json.dumps({"a": "👩\u200d🚀 \u202eolé"}, ensure_ascii=False)
    assert parse(content.encode("utf-8-sig"), where="x") == {"a": "👩\u200d🚀 \u202eolé"}
    assert parse(b'{"a": "\\ud83d\\ude80"}', where="x") == {"a": "🚀"}


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(PersonalityNotFound, match="no such file"):
        read(tmp_path / "nobody.json")


def test_a_folder_and_a_pipe_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json"):
        with pytest.raises(PersonalityInvalid, match="not a regular file"):
            read(path)


def test_a_path_with_a_nul_is_refused(tmp_path):
    with pytest.raises((PersonalityInvalid, PersonalityNotFound)):
        read(tmp_path / "a\0b.json")
