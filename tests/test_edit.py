from __future__ import annotations

import copy
import json
import re
from textwrap import dedent

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from luminora import _jsonc
from luminora._edit import REMOVE, edited
from luminora.errors import ConfigError

keys = st.sampled_from(["a", "b", "c", 'd"', "é/~", "name", "llm_provider", "cache_provider"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["deepseek", "// no comment", "/* neither */", "}", "x" * 90])
)
objects = st.deferred(lambda: st.dictionaries(keys, values, max_size=4))
values = st.deferred(lambda: scalars | st.lists(scalars | objects, max_size=3) | objects)
paths = st.lists(keys, min_size=1, max_size=4).map(tuple)


class Author:
    """Writes a value as people do: any blanks, comments of their own number, trailing commas."""

    def __init__(self, data, *, one_line=False):
        self._draw, self._comments = data.draw, 0
        self._blanks = [" ", "", "\t", "/*"] if one_line else [" ", "", "\n", "\n  ", "/*", "//"]
        self._newline = data.draw(st.sampled_from(["\n", "\r\n"]))

    def gap(self):
        kind = self._draw(st.sampled_from(self._blanks))
        if kind in ("/*", "//"):
            self._comments += 1
            text = f' c{self._comments} {{,]" '
            return f"/*{text}*/" if kind == "/*" else f"//{text}{self._newline}"
        return kind.replace("\n", self._newline)

    def text(self, value):
        if isinstance(value, dict):
            inner = [
                f"{self.gap()}{json.dumps(k)}{self.gap()}:{self.text(v)}" for k, v in value.items()
            ]
            return self._held("{", inner, "}")
        if isinstance(value, list):
            return self._held("[", [self.text(item) for item in value], "]")
        return self.gap() + json.dumps(value, ensure_ascii=False) + self.gap()

    def _held(self, opening, inner, closing):
        comma = "," if inner and self._draw(st.booleans()) else ""
        return f"{self.gap()}{opening}{','.join(inner)}{comma}{self.gap()}{closing}{self.gap()}"


def changed(document, path, value):
    """What ``edited`` should make of the document; None where it should refuse."""
    document = copy.deepcopy(document)
    node = document
    for depth, step in enumerate(path[:-1]):
        if value is REMOVE and not isinstance(node.get(step), dict):
            short = depth == 0 and step.endswith("_provider") and path[1:] == ("name",)
            if short and isinstance(node.get(step), str):
                del node[step]
            return document
        if node.get(step) is None:
            node[step] = {}
        elif depth == 0 and step.endswith("_provider") and isinstance(node[step], str):
            if path[1:] == ("name",):
                node[step] = value
                return document
            node[step] = {"name": node[step]}
        node = node[step]
        if not isinstance(node, dict):
            return None
    if value is REMOVE:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
    return document


def comments(text):
    return [
        match.group().rstrip("\r")
        for match in _jsonc._tokens(text)
        if match.lastgroup == "blank" and match.group()[0] == "/"
    ]


@given(objects, st.data(), st.booleans())
def test_the_edited_document_holds_the_changes_and_nothing_else_is_different(
    document, data, one_line
):
    text = Author(data, one_line=one_line).text(document)
    changes = {}
    expected = document
    for path in data.draw(st.lists(paths, max_size=4, unique=True)):
        value = data.draw(values | st.just(REMOVE))
        wanted = changed(expected, path, value)
        if wanted is None:
            with pytest.raises(ConfigError):
                edited(text, {**changes, path: value})
        else:
            changes[path], expected = value, wanted
    once = edited(text, changes)
    assert json.dumps(_jsonc.parse(once, "x"), sort_keys=True) == json.dumps(
        expected, sort_keys=True
    )


@given(objects, st.data(), st.booleans())
def test_comments_survive_what_is_put_in_and_a_second_time_changes_nothing(
    document, data, one_line
):
    text = Author(data, one_line=one_line).text(document)
    path, value = data.draw(paths), data.draw(scalars)
    present = document
    for step in path:
        present = present.get(step) if isinstance(present, dict) else None
    assume(not isinstance(present, dict | list))  # comments in what is replaced go with it
    try:
        once = edited(text, {path: value})
    except ConfigError:
        return
    assert comments(once) == comments(text)
    assert edited(once, {path: value}) == once


@given(objects, objects, st.data())
def test_an_object_put_over_an_object_keeps_the_comments_of_what_stays(document, more, data):
    text = Author(data).text({"a": document})
    wanted = {**document, **{key: copy.copy(value) for key, value in more.items()}}
    assume(not any(isinstance(document.get(key), dict | list) for key in more))
    assert comments(edited(text, {("a",): wanted})) == comments(text)


@given(objects, st.data(), st.sampled_from(["  ", "    ", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_the_lines_of_other_members_are_not_touched(document, data, unit, newline):
    document = {**document, "z": 1}
    lines = json.dumps(document, indent=unit, ensure_ascii=False).replace("\n", newline)
    value = data.draw(scalars)
    other = edited(lines, {("z",): value}).split(newline)
    before = lines.split(newline)
    assert [other[:-2], other[-1]] == [before[:-2], before[-1]]
    more = edited(lines, {("y", "x"): value}).split(newline)
    assert more[: len(before) - 2] == before[:-2]
    assert more[len(before) - 2 :] == [
        f"{before[-2]},",
        f'{unit}"y": {{',
        f'{unit * 2}"x": {json.dumps(value, ensure_ascii=False)}',
        f"{unit}}}",
        "}",
    ]
    assert edited(edited(lines, {("y", "x"): value}), {("y",): REMOVE}) == lines


def test_a_new_value_follows_the_comment_of_the_line_before_it():
    text = dedent("""\
        // mine
        {
            "llm_provider": {"name": "deepseek"}, // the best

            "cache_provider": {
                "name": "redis" // fast
                // "ttl": 3
            }
        }
        """)
    assert edited(
        text,
        {
            ("cache_provider", "config", "ttl_seconds"): 60,
            ("llm_provider", "config", "temperature"): 0.5,
            ("memory", "scope"): "user",
        },
    ) == dedent("""\
        // mine
        {
            "llm_provider": {"name": "deepseek", "config": {"temperature": 0.5}}, // the best

            "cache_provider": {
                "name": "redis", // fast
                "config": {
                    "ttl_seconds": 60
                }
                // "ttl": 3
            },
            "memory": {
                "scope": "user"
            }
        }
        """)


def test_what_is_removed_takes_its_comma_and_the_comment_of_its_line_along():
    text = dedent("""\
        {
          // who answers
          "llm_provider": {
            "name": "deepseek",  // cheap
            "config": {}         // nothing yet
          },
          "memory": {"scope": "user", /* all */ "other": 1},
          "last": [1, 2] // of them
        }
        """)
    assert edited(
        text,
        {
            ("llm_provider", "config"): REMOVE,
            ("memory", "scope"): REMOVE,
            ("last",): REMOVE,
            ("not", "there"): REMOVE,
        },
    ) == dedent("""\
        {
          // who answers
          "llm_provider": {
            "name": "deepseek"  // cheap
          },
          "memory": {/* all */ "other": 1}
        }
        """)


def test_the_last_member_leaves_an_empty_object_or_the_comments_in_it():
    assert edited('{"a": {"b": 1}}', {("a", "b"): REMOVE}) == '{"a": {}}'
    assert edited('{\n  "b": 1,\n}\n', {("b",): REMOVE}) == "{}\n"
    assert edited('{\n  // why\n  "b": 1\n}\n', {("b",): REMOVE}) == "{\n  // why\n}\n"


def test_an_empty_text_begins_a_document():
    assert edited("", {("llm_provider", "name"): "offline", ("plugins", "enabled"): ["a"]}) == (
        dedent("""\
        {
          "llm_provider": {
            "name": "offline"
          },
          "plugins": {
            "enabled": ["a"]
          }
        }
        """)
    )
    assert edited(" \n", {}) == "{}\n"
    assert edited("{}\n", {("a",): 1}) == '{\n  "a": 1\n}\n'


def test_the_short_form_grows_into_an_object_when_something_stands_beside_the_name():
    text = '{\n  "llm_provider": "deepseek" // short\n}\n'
    assert edited(text, {("llm_provider", "name"): "openai"}) == text.replace("deepseek", "openai")
    assert edited(text, {("llm_provider", "config", "temperature"): 1}) == dedent("""\
        {
          "llm_provider": {
            "name": "deepseek",
            "config": {
              "temperature": 1
            }
          } // short
        }
        """)
    assert edited(text, {("llm_provider", "name"): REMOVE}) == "{}\n"


def test_a_step_into_a_list_is_the_number_of_an_item():
    text = '{"members": ["openai", {"name": "claude"}]}'
    more = {("members", "1", "name"): "groq", ("members", "2"): "ollama", ("members", "0"): REMOVE}
    assert edited(text, more) == '{"members": [{"name": "groq"}, "ollama"]}'
    with pytest.raises(ConfigError, match="a list of 2 has no place"):
        edited(text, {("members", "5"): 1})


def test_a_path_through_a_single_value_is_refused():
    for text in ('{"memory": {"scope": "user"}}', '{"memory": {"scope": 3}}'):
        with pytest.raises(ConfigError, match=r"'memory\.scope' is a single value") as refusal:
            edited(text, {("memory", "scope", "of"): 1})
        assert "/memory/scope" in refusal.value.where
    assert edited('{"memory": null}', {("memory", "scope"): 1}) == '{"memory": {"scope": 1}}'


@pytest.mark.parametrize("text", ["[1]", '"a"', "{", '{"a": 1, "a": 2}', "// only a comment"])
def test_what_is_no_configuration_is_not_edited(text):
    with pytest.raises(ConfigError) as refusal:
        edited(text, {("a",): 1}, "mine.json")
    assert refusal.value.where.startswith("mine.json")


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800", {"a": {1, 2}}])
def test_what_could_not_be_read_again_is_not_written(value):
    with pytest.raises(ConfigError):
        edited('{"a": 1}', {("b",): value})


def test_a_byte_order_mark_stays_and_a_long_line_is_spread():
    text = '\ufeff{"llm_provider": {"name": "deepseek"}}'
    long = edited(text, {("llm_provider", "config", "api_base"): "https://example.org/" + "x" * 60})
    assert long.startswith('\ufeff{\n  "llm_provider": {\n    "name": "deepseek",\n')
    assert max(map(len, re.split(r"\n", long))) <= 100


def test_the_style_of_trailing_commas_and_line_ends_is_kept():
    text = '{\r\n  "a": 1,\r\n  "b": { // open\r\n  },\r\n}\r\n'
    assert edited(text, {("b", "c"): 2, ("d",): 3}) == (
        '{\r\n  "a": 1,\r\n  "b": { // open\r\n    "c": 2\r\n  },\r\n  "d": 3,\r\n}\r\n'
    )
