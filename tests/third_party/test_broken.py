"""A plugin broken in every way: the command works, names the distribution, says what to do."""

from __future__ import annotations

import copy
import json

import pytest

from tests.third_party.conftest import MANIFEST, PLUGIN, build_plugin


def manifest(**changes) -> dict:
    return {**copy.deepcopy(MANIFEST), **changes}


IN_USE = {
    "a syntax error": ({"plugin": PLUGIN + "\ndef broken(:\n"}, "plugin.py"),
    "a missing dependency": (
        {"plugin": "import a_package_nobody_has\n" + PLUGIN},
        "a_package_nobody_has",
    ),
    "an exception while importing": ({"plugin": "raise RuntimeError('boom')\n"}, "boom"),
    "an exit while importing": ({"plugin": "import sys\nsys.exit(7)\n"}, "7"),
    "a misspelt hook": ({"plugin": PLUGIN.replace("luminora_llm", "luminora_lm")}, "luminora_llm"),
    "a hook with a wrong argument": (
        {"plugin": PLUGIN.replace("(name, config, context)", "(name, config, kontext)")},
        "kontext",
    ),
    "an exception in the hook": (
        {"plugin": PLUGIN.replace('return Parrot(config["times"])', "return Parrot(1 / 0)")},
        "division by zero",
    ),
    "a hook that builds nothing": (
        {"plugin": PLUGIN.replace('if name == "parrot"', 'if name == "cockatoo"')},
        "parrot",
    ),
    "a hook that builds something else": (
        {"plugin": PLUGIN.replace('return Parrot(config["times"])', "return 42")},
        "int",
    ),
    "a module that is not there": (
        {"manifest": manifest(module="luminora_parrot.nowhere")},
        "luminora_parrot.nowhere",
    ),
}
ON_SIGHT = {
    "a manifest that is no JSON": ({"manifest": "{oops"}, "luminora-plugin.json"),
    "a manifest that breaks its schema": ({"manifest": manifest(providers=[])}, "providers"),
    "no manifest": ({"manifest": None}, "luminora-plugin.json"),
    "an API of the future": ({"manifest": manifest(api=">=9,<10")}, ">=9,<10"),
    "an API range that is none": ({"manifest": manifest(api="newest")}, "newest"),
    "an entry point to nowhere": ({"entry": "luminora_nowhere"}, "luminora_nowhere"),
}


@pytest.mark.parametrize("case", IN_USE)
def test_a_plugin_that_fails_in_use(environment, tmp_path, case):
    broken, said = IN_USE[case]
    environment.install(build_plugin(tmp_path, **broken))
    try:
        assert environment.luminora("plugins", "list").returncode == 0
        assert environment.luminora("--help").returncode == 0
        works = environment.luminora("chat", "--user", "ana", stdin="hola\n")
        assert works.returncode == 0, works.stderr

        used = environment.luminora(
            "chat", "--user", "ana", stdin="hola\n", LUMINORA_LLM_PROVIDER="parrot"
        )
        assert used.returncode == 3, (used.stdout, used.stderr)
        assert "luminora-parrot" in used.stderr
        assert said in used.stderr
        assert "Traceback" not in used.stderr
        assert "→" in used.stderr
    finally:
        environment.uninstall("luminora-parrot")


@pytest.mark.parametrize("case", ON_SIGHT)
def test_a_plugin_that_is_broken_on_sight(environment, tmp_path, case):
    broken, said = ON_SIGHT[case]
    environment.install(build_plugin(tmp_path, **broken))
    try:
        listed = environment.luminora("plugins", "list")
        assert listed.returncode == 0, listed.stderr
        assert "luminora-parrot" in listed.stdout

        doctor = environment.luminora("plugins", "doctor")
        text = doctor.stdout + doctor.stderr
        assert doctor.returncode == 1
        assert "luminora-parrot" in text
        assert said in text
        assert "Traceback" not in text

        works = environment.luminora("chat", "--user", "ana", stdin="hola\n")
        assert works.returncode == 0, works.stderr

        used = environment.luminora(
            "chat", "--user", "ana", stdin="hola\n", LUMINORA_LLM_PROVIDER="parrot"
        )
        assert used.returncode == 3
        assert "Traceback" not in used.stderr
    finally:
        environment.uninstall("luminora-parrot")


def test_two_distributions_with_the_same_provider(with_parrot, tmp_path):
    twin = build_plugin(
        tmp_path,
        distribution="other-parrot",
        package="other_parrot",
        manifest=manifest(module="other_parrot.plugin"),
    )
    with_parrot.install(twin)
    try:
        config = with_parrot.home / "luminora.json"
        config.write_text(json.dumps({"llm_provider": {"name": "parrot"}}))
        refused = with_parrot.luminora("config", "validate")
        text = refused.stdout + refused.stderr
        assert refused.returncode == 3
        assert "luminora-parrot" in text
        assert "other-parrot" in text
        assert '"package"' in text
        assert with_parrot.luminora("plugins", "list").returncode == 0

        pinned = {"llm_provider": {"name": "parrot", "package": "other-parrot"}}
        config.write_text(json.dumps(pinned))
        assert with_parrot.luminora("config", "validate").returncode == 0
        talk = with_parrot.luminora("chat", "--user", "ana", stdin="hola\n")
        assert talk.returncode == 0, talk.stderr
    finally:
        with_parrot.uninstall("other-parrot")
