from __future__ import annotations

import json

import jsonschema_rs
import pytest

from luminora import schema
from luminora.config import load_config
from luminora.errors import ConfigError, CredentialsMissing
from luminora.plugins import Index
from tests.fakeplugins import index_of, make, manifest, site

__all__ = ["site"]

FULL = {
    "type": "object",
    "required": ["region"],
    "$defs": {"size": {"type": "integer", "minimum": 1, "description": "A size."}},
    "properties": {
        "region": {"type": "string", "description": "Where."},
        "mode": {"enum": ["fast", "slow"], "description": "How.", "default": "fast"},
        "size": {"$ref": "#/$defs/size"},
        "pool": {
            "type": "object",
            "description": "Connections.",
            "properties": {
                "least": {"type": "integer", "description": "Few.", "default": 2},
                "key_env": {"type": "string", "description": "K.", "x-luminora-secret": True},
            },
            "additionalProperties": False,
        },
        "chain": {
            "type": "array",
            "description": "Several.",
            "items": {
                "type": "object",
                "properties": {
                    "key_env": {"type": "string", "description": "K.", "x-luminora-secret": True}
                },
            },
        },
    },
}


@pytest.fixture
def index() -> Index:
    return index_of()


@pytest.fixture
def full(site) -> Index:
    """Luminora and a plugin with every kind of setting."""
    return index_of(make(site, "lp_a", data=manifest("lp_a", config_schema=FULL)))


def check(document, index, **environment):
    return schema.validate(load_config(document, env=environment, index=index))


def settings(**config):
    return {"cache_provider": {"name": "made-up", "config": config}}


# composing


def test_the_composed_schema_is_a_2020_12_schema(full):
    composed = schema.compose(full)
    assert composed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert composed["$id"]
    jsonschema_rs.meta.validate(composed)
    json.dumps(composed)


def test_every_property_is_described(full):
    def undescribed(node, path):
        for name, part in node.get("properties", {}).items():
            if "description" not in part and "$ref" not in part:
                yield (*path, name)
            yield from undescribed(part, (*path, name))

    composed = schema.compose(full)
    assert list(undescribed(composed, ())) == []
    for name, part in composed["$defs"].items():
        assert list(undescribed(part, (name,))) == []


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ({}, True),
        ({"llm_provider": "offline"}, True),
        ({"llm_provider": {"name": "offline"}}, True),
        ({"$schema": "./luminora.schema.json", "version": "1", "created_at": "now"}, True),
        ({"fallback_provider": None}, True),
        (settings(region="eu"), True),
        (settings(region="eu", size=3, mode="slow", pool={"least": 1}), True),
        ({"cache_provider": "made-up"}, True),
        ({"llm_provider": {"name": "deepsek"}}, False),
        ({"llm_provider": {"name": "deepseek"}}, False),
        ({"llm_provider": "deepsek"}, False),
        ({"llm_provider": None}, False),
        ({"llm_provider": {}}, False),
        ({"llm_provider": {"name": "offline", "confg": {}}}, False),
        ({"llm_provider": {"name": "offline", "config": {"x": 1}}}, False),
        ({"oops": 1}, False),
        ({"memory": {"scop": "user"}}, False),
        (settings(), False),
        ({"cache_provider": {"name": "made-up"}}, False),
        (settings(region="eu", size=0), False),
        (settings(region="eu", colour="red"), False),
        (settings(region="eu", pool={"least": "x"}), False),
    ],
)
def test_editors_accept_what_is_valid_and_nothing_else(full, document, valid):
    assert jsonschema_rs.is_valid(schema.compose(full), document) is valid


def test_two_offers_of_one_name_are_told_apart_by_package(site):
    other = {"type": "object", "properties": {"b": {"type": "integer", "description": "B."}}}
    names = [
        make(site, "lp_a", data=manifest("lp_a", config_schema=FULL)),
        make(site, "lp_b", data=manifest("lp_b", config_schema=other)),
    ]
    composed = schema.compose(index_of(*names))
    part = {"name": "made-up", "package": "luminora-b", "config": {"b": 1}}
    assert jsonschema_rs.is_valid(composed, {"cache_provider": part})
    part["package"] = "luminora-a"
    assert not jsonschema_rs.is_valid(composed, {"cache_provider": part})


def test_every_embedding_provider_has_the_services_settings(site):
    name = make(site, "lp_a", data=manifest("lp_a", kind="embedding"))
    part = {"name": "made-up", "dimension": 64, "batch_size": 10, "timeout_seconds": 1.5}
    assert check({"embedding_provider": part}, index_of(name)) == []
    (problem,) = check({"embedding_provider": {"name": "made-up", "dimension": 0}}, index_of(name))
    assert problem.pointer == "/embedding_provider/config/dimension"


# defaults and secrets


def test_defaults_are_filled_into_what_is_there():
    given = {"region": "eu", "pool": {}}
    assert schema.defaults(FULL, given) is given
    assert given == {"region": "eu", "mode": "fast", "pool": {"least": 2}}
    assert schema.defaults(FULL, {}) == {"mode": "fast"}


def test_secrets_are_found_wherever_they_are_marked(full):
    config = load_config(
        settings(region="eu", pool={"key_env": "A"}, chain=[{}, {"key_env": "B"}]),
        env={"B": "set"},
        index=full,
    )
    assert config.secrets == {
        "/cache_provider/config/pool/key_env": "A",
        "/cache_provider/config/chain/1/key_env": "B",
    }
    (problem,) = schema.credentials(config)
    assert "A, which should hold a secret, is not set" in problem.message


# problems


def test_the_embedded_default_is_valid(index):
    config = load_config({}, env={}, index=index)
    assert schema.validate(config) == schema.credentials(config) == []
    schema.ensure(config)


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        ({"llm_provider": {"name": "deepsek"}}, "/llm_provider/name", "did you mean 'deepseek'?"),
        (
            {"llm_provider": "deepseek", "embedding_provider": "static"},
            "/llm_provider/name",
            "not installed",
        ),
        ({"oops": 1}, "/oops", "unknown property 'oops'"),
        ({"memmory": {}}, "/memmory", "did you mean 'memory'?"),
        (
            {"llm_provider": {"name": "offline", "confg": {}}},
            "/llm_provider/confg",
            "did you mean 'config'?",
        ),
        (
            {"llm_provider": {"name": "offline", "x": {}}},
            "/llm_provider/config/x",
            "unknown property 'x'",
        ),
        (
            settings(region="eu", colour="red"),
            "/cache_provider/config/colour",
            "allowed: region, mode",
        ),
        (
            settings(region="eu", pool={"lest": 1}),
            "/cache_provider/config/pool/lest",
            "mean 'least'",
        ),
        (settings(), "/cache_provider/config", "'region' is missing"),
        (
            settings(region=3),
            "/cache_provider/config/region",
            "found a number, but it has to be string",
        ),
        (settings(region="e", mode="fats"), "/cache_provider/config/mode", "mean 'fast'?"),
        (settings(region="e", size=0), "/cache_provider/config/size", "less than the minimum of 1"),
        ({"memory": {"scope": "usr"}}, "/memory/scope", "usr is not one of user, personality"),
        ({"memory": {"recall_limit": True}}, "/memory/recall_limit", "found a boolean"),
        ({"memory": []}, "/memory", "found a list, but it has to be object"),
        ({"llm_provider": 5}, "/llm_provider", "found a number"),
        ({"llm_provider": {"name": ["x"]}}, "/llm_provider/name", "found a list"),
        ({"plugins": {"enabled": ["nobody"]}}, "/plugins/enabled", "no plugin 'nobody'"),
        ({"migrations": {"table_prefix": "; DROP"}}, "/migrations/table_prefix", "does not match"),
    ],
)
def test_each_problem_says_where_what_and_what_instead(full, document, pointer, message):
    (problem,) = check(document, full)
    assert problem.pointer == pointer
    assert message in problem.message


def test_a_problem_names_line_and_command(full, tmp_path):
    file = tmp_path / "luminora.json"
    file.write_text('{\n  // a typo\n  "llm_provider": {\n    "name": "deepsek"\n  }\n}')
    (problem,) = schema.validate(load_config(file, env={}, cwd=tmp_path, index=full))
    assert str(problem) == (
        "luminora.json:4 (/llm_provider/name): there is no llm provider 'deepsek'; "
        "did you mean 'deepseek'?\n  → pip install luminora-deepseek"
    )


def test_an_llm_without_embeddings_has_some_proposed(index):
    problems = check({"llm_provider": "claude"}, index)
    hint = "pip install luminora-voyage, then luminora config embeddings --provider voyage"
    assert [problem.hint for problem in problems if "left out" in problem.message] == [hint]


def test_a_misspelt_llm_is_one_problem(index):
    assert len(check({"llm_provider": "claud"}, index)) == 1


def test_what_a_provider_requires_has_to_be_there(site):
    requires = {"lib_x": "pip install lib-x", "json.decoder": "never shown"}
    name = make(site, "lp_a", data=manifest("lp_a", requires=requires))
    (problem,) = check({"cache_provider": "made-up"}, index_of(name))
    assert "needs the Python package 'lib_x'" in problem.message
    assert problem.hint == "pip install lib-x"


def test_problems_come_in_the_documents_order(full):
    problems = check(
        {"zzz": 1, "plugins": {"x": 1}, "llm_provider": "deepsek", "embedding_provider": "voyag"},
        full,
    )
    assert [problem.pointer.split("/")[1] for problem in problems] == [
        "llm_provider",
        "embedding_provider",
        "plugins",
        "zzz",
    ]


def test_a_schema_that_goes_round_in_a_circle(site):
    circle = {
        "type": "object",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "properties": {
            "a": {"description": "A.", "allOf": [{"type": "object"}], "$ref": "#/$defs/a"},
            "gone": {"description": "G.", "properties": {}, "additionalProperties": False},
        },
    }
    name = make(site, "lp_a", data=manifest("lp_a", config_schema=circle))
    index = index_of(name)
    assert schema.at(circle, ("a", "b", "c")) == {}
    (problem,) = check(settings(gone={"x": 1}), index)
    assert problem.pointer == "/cache_provider/config/gone/x"


def test_all_problems_are_in_one_error(full):
    config = load_config({"oops": 1, "memory": {"x": 1}}, env={}, index=full)
    with pytest.raises(ConfigError, match="2 problems") as refusal:
        schema.ensure(config)
    assert len(refusal.value.problems) == 2
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("value", ["", "  ", None])
def test_missing_credentials_are_another_error(full, value):
    env = {} if value is None else {"CACHE_KEY": value}
    document = settings(region="eu", pool={"key_env": "CACHE_KEY"})
    config = load_config(document, env=env, index=full)
    assert schema.validate(config) == []
    schema.ensure(config, secrets=False)
    with pytest.raises(CredentialsMissing, match="CACHE_KEY") as refusal:
        schema.ensure(config)
    assert refusal.value.exit_code == 4
    assert refusal.value.where == "/cache_provider/config/pool/key_env"
    schema.ensure(load_config(document, env={"CACHE_KEY": "x"}, index=full))


def test_a_conflict_and_its_resolution(site):
    index = index_of(make(site, "lp_a"), make(site, "lp_b"))
    (problem,) = check({"cache_provider": "made-up"}, index)
    assert "2 distributions" in problem.message
    assert '"package": "luminora-a"' in problem.hint
    part = {"name": "made-up", "package": "luminora-b"}
    assert check({"cache_provider": part}, index) == []
    (problem,) = check({"cache_provider": part | {"package": "luminora-c"}}, index)
    assert "the pinned package 'luminora-c' does not offer" in problem.message
