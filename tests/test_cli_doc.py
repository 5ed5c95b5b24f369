from __future__ import annotations

import os
import subprocess
import sys

from luminora.cli import COMMANDS
from tests.fakeplugins import make, manifest, site
from tools.cli_doc import ROOT, TARGET, commands, page

__all__ = ["site"]


def test_the_reference_of_the_command_line_is_up_to_date():
    assert page() == TARGET.read_text(encoding="utf-8"), "run python tools/cli_doc.py"


def test_it_has_every_command_with_all_of_its_options():
    text = page()
    found = list(commands())
    assert {words[1] for words, _ in found} == set(COMMANDS)
    for words, command in found:
        assert f"# `{' '.join(words)}`\n" in text
        for param in command.params:
            assert param.param_type_name == "argument" or f"`{param.opts[0]}" in text


def test_what_a_plugin_brings_does_not_get_in(site):
    data = manifest("lp_a", "lemon", kind="llm") | {"commands": {"squeeze": "Squeeze it."}}
    make(site, "lp_a", data=data)
    done = subprocess.run(
        [sys.executable, "-c", "from tools.cli_doc import page; print(page(), end='')"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == page()
    assert "squeeze" not in done.stdout
