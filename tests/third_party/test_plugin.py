"""A provider published by somebody else is a first-class citizen."""

from __future__ import annotations

import json

from tests.third_party.conftest import CONFORMANCE

ONLY_LISTED = """
import sys
from luminora.cli import main
sys.argv = ["luminora", *{argv!r}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
loaded = sorted(name for name in sys.modules if "parrot" in name)
assert not loaded, loaded
"""

TALK = """
import asyncio
from luminora import LuminoraCoreClient

async def main():
    async with await LuminoraCoreClient.from_config() as client:
        session = await client.create_session("ana")
        answer = await client.send_message(session, "polly")
        print(answer.provider, answer.degraded, answer.text, sep="|")
        print((await client.health_check())["checks"]["llm"]["detail"])

asyncio.run(main())
"""


def write_config(environment, document) -> None:
    (environment.home / "luminora.json").write_text(json.dumps(document))


def test_it_is_listed_and_its_settings_are_validated_without_importing_it(with_parrot):
    write_config(with_parrot, {"llm_provider": {"name": "parrot"}})
    for argv in (["plugins", "list"], ["plugins", "info", "parrot"], ["config", "validate"]):
        outcome = with_parrot.run("python", "-c", ONLY_LISTED.format(argv=argv))
        assert outcome.returncode == 0, outcome.stderr
        if argv[0] == "plugins":
            assert "luminora-parrot" in outcome.stdout
            assert "0.3.1" in outcome.stdout


def test_its_schema_is_part_of_ours(with_parrot):
    write_config(with_parrot, {"llm_provider": {"name": "parrot", "config": {"times": 9}}})
    outcome = with_parrot.luminora("config", "validate")
    assert outcome.returncode == 3
    assert "/llm_provider/config/times" in outcome.stderr + outcome.stdout
    assert "5" in outcome.stderr + outcome.stdout

    write_config(with_parrot, {"llm_provider": {"name": "parrot", "config": {"tims": 2}}})
    outcome = with_parrot.luminora("config", "validate")
    assert outcome.returncode == 3
    assert "times" in outcome.stderr + outcome.stdout

    assert "How often to say it." in with_parrot.luminora("schema").stdout


def test_the_client_runs_on_it(with_parrot):
    write_config(with_parrot, {"llm_provider": {"name": "parrot", "config": {"times": 3}}})

    outcome = with_parrot.run(
        "python", "-c", TALK, LUMINORA_DATA_DIR=str(with_parrot.home / "memory")
    )

    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines() == ["parrot|False|polly polly polly", "awake"]


def test_its_own_conformance_test_passes(with_parrot):
    (with_parrot.home / "test_parrot.py").write_text(CONFORMANCE)

    outcome = with_parrot.run("python", "-m", "pytest", "-q", "-rs", "test_parrot.py")

    assert outcome.returncode == 0, outcome.stdout
    assert "passed" in outcome.stdout


def test_its_author_can_have_it_checked(with_parrot):
    outcome = with_parrot.luminora("plugins", "validate", "--imports")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_disabling_is_remembered_until_it_is_enabled_again(with_parrot):
    write_config(with_parrot, {"llm_provider": {"name": "parrot"}})
    assert with_parrot.luminora("plugins", "disable", "parrot").returncode == 0

    refused = with_parrot.luminora("config", "validate")
    assert refused.returncode == 3
    assert "luminora plugins enable" in refused.stderr + refused.stdout

    assert with_parrot.luminora("plugins", "enable", "parrot").returncode == 0
    assert with_parrot.luminora("config", "validate").returncode == 0
