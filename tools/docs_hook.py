"""What mkdocs does not do for the pages in ``docs/``; ``mkdocs.yml`` names this file as a hook.

The pages are written to be read in the repository too, so they link to files outside ``docs/``:
schemas, sources, the plugins' READMEs. Each such file becomes a page below ``repository/``, and the
links lead there. What the theme's script would load from other hosts is taken out of it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent

ELSEWHERE = re.compile(rb"https://(?:unpkg\.com|api\.github\.com|\$\{e\}/api/v4)[^\"'`]*")
"""Addresses the theme's script holds for diagrams, old browsers and a repository's stars."""

_LINK = re.compile(r"(\]\()([^()\s#]+)((?:#[^()\s]*)?\))")
_FENCES = {".py": "python", ".json": "json", ".yml": "yaml", ".toml": "toml", ".sql": "sql"}
_ALWAYS = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md")


def on_files(files: Any, config: Any) -> Any:
    """Add a page for every file of the repository that a page links to, and those these link to."""
    waiting = [*_ALWAYS]
    for file in files.documentation_pages():
        waiting += _outside(f"docs/{file.src_uri}", file.content_string)
    done = set()
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        text = _text(path)
        files.append(File.generated(config, page_of(path), content=text))
        if path.endswith(".md"):
            waiting += _outside(path, text)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to where files are in the site; colour JSON with comments."""
    source = origin(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def led(match: re.Match[str]) -> str:
        path = _path(source, match[2])
        if path is None:
            return match[0]
        return match[1] + posixpath.relpath(page_of(path), here) + match[3]

    return _LINK.sub(led, markdown).replace("```jsonc", "```json5")


def on_post_build(config: Any, **_: Any) -> None:
    """Take other hosts out of the theme's scripts."""
    for script in Path(config.site_dir).glob("assets/javascripts/*.js"):
        script.write_bytes(ELSEWHERE.sub(b"about:blank", script.read_bytes()))


def page_of(path: str) -> str:
    """Where a file of the repository is in the site's sources."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return f"repository/{path}/index.md"
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def origin(uri: str) -> str:
    """The file of the repository that a source of the site shows."""
    inside = uri.removeprefix("repository/")
    if inside == uri:
        return f"docs/{uri}"
    plain = inside.removesuffix(".md")
    return plain if (ROOT / plain).is_file() else inside


def _path(source: str, link: str) -> str | None:
    """The file or folder of the repository that a link in ``source`` means, or None."""
    if re.match(r"[a-z]+:|/", link):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    if path.startswith("..") or not (ROOT / path).exists():
        return None
    if (ROOT / path / "README.md").is_file():
        return f"{path}/README.md"
    return path


def _outside(source: str, text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        path = _path(source, match[2])
        if path is not None and not path.startswith("docs/"):
            yield path


def _text(path: str) -> str:
    """The page about a file or folder of the repository."""
    full = ROOT / path
    if full.is_dir():
        names = sorted(one.name for one in full.iterdir() if not one.name.startswith(("__py", ".")))
        return "\n".join([f"# {path}/", "", *(f"- `{name}`" for name in names)]) + "\n"
    text = full.read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    fence = "`" * 4
    return f"# {path}\n\n{fence}{_FENCES.get(full.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"
