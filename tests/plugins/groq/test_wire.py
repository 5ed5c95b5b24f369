from __future__ import annotations

import pytest

from tests.plugins.llm_behaviour import WireBehaviour
from tests.servers.vendors.imitators import GroqDouble


@pytest.mark.backend("llm groq", against=GroqDouble.title)
class TestChat(WireBehaviour):
    double_class = GroqDouble
    provider = "groq"
    key_env = "GROQ_API_KEY"
    base = "/openai/v1"
