"""The count of tokens errs on the high side, beside a real tokenizer of 32,000 pieces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.builtin.static import _table
from luminora.providers.tokens import count_tokens

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "extraction.jsonl")
    .read_text("utf-8")
    .splitlines()
]


@pytest.mark.parametrize("language", ["es", "en"])
def test_chat_costs_at_least_what_a_tokenizer_counts_and_at_most_half_more(language):
    text = "\n".join(row["text"] for row in ROWS if row["language"] == language)

    real = len(_table().tokenizer.encode(text, add_special_tokens=False).ids)

    assert real <= count_tokens(text) <= 1.6 * real


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n")), min_size=1))
def test_lines_add_up(lines):
    assert count_tokens("\n".join(lines)) == sum(map(count_tokens, lines)) + len(lines) - 1


def test_every_script_costs_something():
    assert count_tokens("") == 0
    for text in ("hola", "日本語", "🙂🙂", "1234", "¿?", "__"):
        assert count_tokens(text) >= 1
