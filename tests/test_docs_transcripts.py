"""What the documentation tells its readers to type is typed, and prints what it says."""

from __future__ import annotations

import pytest

from tests.transcripts import ROOT, Room, Step, like, steps

PAGES = ["README.md", *sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))]


def of(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return steps(text, runs_python=page.startswith("docs/tutorials/"))


@pytest.mark.parametrize("page", [page for page in PAGES if of(page)])
def test_what_a_page_tells_to_type_prints_what_it_says(page, tmp_path):
    room = Room(tmp_path / "room")
    for step in of(page):
        printed, code = room.run(step)
        place = f"{page}:{step.line}: {step.text}"
        assert code == step.code, f"{place}\nexit code {code}\n{printed}"
        assert "Traceback" not in printed, f"{place}\n{printed}"
        if step.shown is not None:
            assert like(step.shown, printed), f"{place}\n{printed}\nis not\n" + "\n".join(
                step.shown
            )


PAGE = """\
<!-- $ echo before -->
<!-- not run: needs a key -->
```console
$ luminora chat
```

<!-- file: a/b.txt -->
```text
hello
```

```console
$ cat a/b.txt   # a comment
hello

$ cd a; export NAME=x
$ echo "$NAME" in "${PWD##*/}"
x in …
$ false   # exits with 1
```
"""


def test_a_page_is_read_as_commands_with_what_they_print():
    assert steps(PAGE) == [
        Step("command", "echo before", 3),
        Step("file", "hello\n", 8, name="a/b.txt"),
        Step("command", "cat a/b.txt   # a comment", 13, ("hello",)),
        Step("command", "cd a; export NAME=x", 16),
        Step("command", 'echo "$NAME" in "${PWD##*/}"', 17, ("x in …",)),
        Step("command", "false   # exits with 1", 19, None, 1),
    ]


def test_commands_go_on_in_the_folder_and_with_the_variables_of_those_before(tmp_path):
    room = Room(tmp_path / "room")
    done = [room.run(step) for step in steps(PAGE)]
    assert done == [("before\n", 0), ("", 0), ("hello\n", 0), ("", 0), ("x in a\n", 0), ("", 1)]


def test_python_may_await_where_it_stands_and_fails_where_it_raises(tmp_path):
    room = Room(tmp_path / "room")
    for code, expected in (("1", 0), ("1 / 0", 1)):
        text = f"```python\nimport asyncio\nawait asyncio.sleep(0)\nprint({code})\n```\n"
        (step,) = steps(text, runs_python=True)
        assert room.run(step)[1] == expected
    assert steps(text) == []


def test_a_block_is_left_out_only_with_a_reason():
    with pytest.raises(AssertionError, match="why not"):
        steps("<!-- not run: -->\n```console\n$ true\n```\n")


def test_a_comment_for_the_tests_stands_directly_above_a_block():
    with pytest.raises(AssertionError, match="above no block"):
        steps("<!-- $ true -->\nWords.\n\n```console\n$ true\n```\n")


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        (["a"], "a\n", True),
        (["a"], "a\nb\n", False),
        (["a b"], "a  b\n", False),
        (["a … c"], "a b c\n", True),
        (["a … c"], "a b\nc\n", False),
        (["a", "[…]", "d"], "a\nb\nc\nd\n", True),
        (["a", "[…]", "d"], "a\nd\n", True),
        (["a", "[…]"], "b\n", False),
        (["(a)* "], "(a)*\n", True),
    ],
)
def test_dots_stand_for_what_varies_and_nothing_else_may(shown, printed, expected):
    assert like(shown, printed) is expected
