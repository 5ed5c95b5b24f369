"""The documentation as a site: built without a word, whole, asking no other host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.xdist_group("site")  # built once

LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "form": "action",
    "use": "href",
}
"""Attributes that make a browser ask for something; ``link`` depends on what it links."""

NOT_ASKED = {"canonical", "next", "prev", "alternate", "author", "license"}
NAMES_ONLY = ("http://www.w3.org/", "https://www.sitemaps.org/")
"""Addresses that are names of formats."""


class Page(HTMLParser):
    """What a page loads, where it links to, and what can be linked to in it."""

    def __init__(self, file):
        super().__init__()
        self.loads, self.links, self.anchors, self.styles = [], [], {""}, []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "link" and not set(found.get("rel", "").split()) & NOT_ASKED:
            self.loads.append(found["href"])
        if LOADING.get(tag) in found:
            self.loads.append(found[LOADING[tag]])
        self.loads += [one.split()[0] for one in (found.get("srcset") or "").split(",") if one]
        self.styles.append(found.get("style") or "")


def foreign(address):
    """Whether it leads to a host: nothing in the site has to, not even by way of its own name."""
    return bool(urlsplit(address).netloc)


def asked_by_style(text):
    """What a style sheet loads."""
    return re.findall(r"""(?:@import\s*["']?|url\(\s*["']?)([^"')\s;]+)""", text)


def asked_by_script(text):
    """Addresses of hosts in a script, its comments aside."""
    bare = re.sub(r"/\*.*?\*/|^\s*//.*$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"""["'`](https?:[^"'`]*|//[\w-]+\.[\w./-]+)""", bare)
    return [one for one in found if not one.startswith(NAMES_ONLY)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("INFO ")]
    assert (done.returncode, done.stdout, said) == (0, "", [])
    return target


@pytest.fixture(scope="module")
def pages(site):
    found = {file: Page(file) for file in site.rglob("*.html")}
    assert len(found) > 20
    return found


def test_no_page_loads_anything_from_another_host(pages):
    loads = [one for page in pages.values() for one in page.loads]
    assert any(one.endswith(".js") for one in loads)
    assert any(one.endswith(".css") for one in loads)
    assert [one for one in loads if foreign(one)] == []
    styles = [one for page in pages.values() for one in asked_by_style(" ".join(page.styles))]
    assert [one for one in styles if foreign(one)] == []


def test_no_style_sheet_and_no_drawing_loads_anything_from_another_host(site):
    files = [*site.rglob("*.css"), *site.rglob("*.svg")]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert [one for one in asked_by_style(text) if foreign(one)] == [], file
        assert not re.search(r"""<(?:image|script|use)[^>]+href=["'](?:https?:)?//""", text), file


def test_no_script_knows_another_host(site, pages):
    files = list(site.rglob("*.js"))
    assert any("search" in file.name for file in files)
    for file in files:
        assert asked_by_script(file.read_text(encoding="utf-8")) == [], file
    for file in pages:
        for script in re.findall(r"<script>(.*?)</script>", file.read_text(), re.DOTALL):
            assert asked_by_script(script) == [], file


@pytest.mark.parametrize(
    "style", ["@import 'https://a.example/x.css';", "a{background:url(//a.example/x.png)}"]
)
def test_a_style_that_asks_another_host_would_be_noticed(style):
    assert [one for one in asked_by_style(style) if foreign(one)]


def test_a_script_that_asks_another_host_would_be_noticed():
    assert asked_by_script('/* https://a.example */ fetch("https://b.example/x")') == [
        "https://b.example/x"
    ]


def test_every_link_of_a_page_leads_to_a_page_and_a_place_in_it(site, pages):
    broken = []
    for file, page in pages.items():
        if file.name == "404.html":  # shown at any address, so its links begin at the root
            continue
        for link in (*page.links, *page.loads):
            parts = urlsplit(urljoin(file.as_uri(), link))
            if parts.scheme != "file":
                continue
            target = Path(unquote(parts.path))
            target = target / "index.html" if target.is_dir() else target
            found = pages.get(target)
            anchor = unquote(parts.fragment)
            if not target.is_file() or (found and anchor not in found.anchors):
                broken.append((file.relative_to(site).as_posix(), link))
    assert broken == []


def test_a_file_outside_the_documentation_is_shown_where_a_page_links_to_it(site):
    shown = (site / "repository/schemas/plugin.schema.json.html").read_text(encoding="utf-8")
    assert "entry" in shown
    assert "plugin.schema.json" in shown
    assert 'href="repository/schemas/plugin.schema.json.html"' in (site / "plugins.html").read_text(
        encoding="utf-8"
    )
