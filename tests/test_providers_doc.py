from __future__ import annotations

import re

from tools.providers_doc import TARGET, entries, page


def test_the_page_of_providers_is_up_to_date():
    assert page() == TARGET.read_text(encoding="utf-8"), "run python tools/providers_doc.py"


def test_it_has_every_provider_with_its_settings_and_links_that_lead_somewhere():
    text = page()
    found = entries()
    assert {("llm", "gateway"), ("embedding", "static"), ("llm", "deepseek")} <= {
        (entry.kind, entry.name) for entry in found
    }
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line[4:].lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("### ")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == headings
    for entry in found:
        for setting in entry.facts["config_schema"].get("properties", {}):
            assert f"| `{setting}` |" in text
