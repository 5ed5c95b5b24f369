from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import luminora
from luminora import hookspecs
from luminora.providers import Kind

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("luminora_")}
DOCUMENTED = Path(__file__).parents[1] / "docs" / "plugins.md"


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_one_line_of_docstring(name):
    assert re.fullmatch(r"[^\n]+\.", HOOKS[name].__doc__)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_exact_arguments(name):
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)
    assert f"### `{name}({arguments})`" in DOCUMENTED.read_text(encoding="utf-8").splitlines()


def test_nothing_else_is_documented_as_a_hook():
    headings = re.findall(
        r"^### `(luminora_\w+)\(", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(headings) == sorted(HOOKS)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_hook_that_builds_it(kind):
    hook = HOOKS[f"luminora_{kind}"]
    assert hook.luminora_spec["firstresult"]
    assert list(inspect.signature(hook).parameters) == ["name", "config", "context"]


def test_the_marker_is_public():
    assert luminora.hookimpl is hookspecs.hookimpl


def test_the_documents_example_is_a_plugin(tmp_path, monkeypatch):
    """What docs/plugins.md tells to write is written, found, valid and works."""
    import asyncio
    import sys

    from luminora.config import load_config
    from luminora.plugins import Index, activate, discover, problems

    files = dict(
        re.findall(
            r"^<!-- file: (luminora_shelf/[\w.-]+) -->\n```\w+\n(.*?)```",
            DOCUMENTED.read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
    )
    assert sorted(files) == ["luminora_shelf/__init__.py", "luminora_shelf/luminora-plugin.json"]
    (tmp_path / "luminora_shelf").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    info = tmp_path / "luminora_shelf-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: luminora-shelf\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[luminora.plugins]\nshelf = luminora_shelf\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        index = Index(discover())
        found = index.plugin("shelf")
        assert found.error is None
        assert problems(found.manifest.data, package="luminora_shelf", strict=True) == []
        cache = activate(load_config({"cache_provider": "shelf"}, env={}, index=index)).build(
            "cache"
        )

        async def use():
            await cache.set("n", "k", b"v")
            return await cache.get("n", "k"), (await cache.check()).status.value

        assert asyncio.run(use()) == (b"v", "ok")
    finally:
        sys.modules.pop("luminora_shelf", None)
