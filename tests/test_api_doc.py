from __future__ import annotations

import json

import pytest

from luminora import errors, hookspecs
from luminora.client import LuminoraCoreClient
from tools.api_doc import PAGES, ROOT, TARGET
from tools.docstrings import markdown, signature


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_up_to_date(name):
    written = (TARGET / name).read_text(encoding="utf-8")
    assert PAGES[name]() == written, "run python tools/api_doc.py"


def test_it_has_every_public_method_hook_exception_and_setting():
    methods = [name for name in dir(LuminoraCoreClient) if not name.startswith("_")]
    client = PAGES["client.md"]()
    assert len(methods) > 40
    assert [name for name in methods if f"### {name}\n" not in client] == []
    specified = [name for name, one in vars(hookspecs).items() if hasattr(one, "luminora_spec")]
    hooks = PAGES["hooks.md"]()
    assert [name for name in specified if f"## {name}\n" not in hooks] == []
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    tree = PAGES["errors.md"]()
    raised = [one for one in kinds if issubclass(one, errors.LuminoraError)]
    assert [one for one in raised if f"{one.__name__}` | {one.exit_code} |" not in tree] == []
    schema = json.loads((ROOT / "schemas" / "luminora.schema.json").read_bytes())
    settings = PAGES["config.md"]()
    memory = schema["properties"]["memory"]["properties"]
    assert [name for name in memory if f"| `memory.{name}" not in settings] == []


def test_a_docstring_becomes_lists_and_code():
    def example(
        one: int, *, other: str = "x", a_rather_long_name: float = 0.5, another_one: bool = True
    ) -> None:
        """Do it with :meth:`that` and ``this``::

            code()

        Args:
            one: Said on
                two lines.

        Raises:
            KeyError, ValueError: Either.
        """

    assert markdown(example.__doc__) == (
        "Do it with `that` and `this`:\n\n```python\ncode()\n```\n\n"
        "**Args**\n\n- `one`: Said on\n  two lines.\n\n"
        "**Raises**\n\n- `KeyError`, `ValueError`: Either."
    )
    assert signature(example, "example").splitlines()[:3] == ["example(", "    one: int,", "    *,"]
