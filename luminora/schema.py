"""The schema of ``luminora.json``, composed from the installed plugins' manifests, and its use.

Nothing is hard-coded: which providers exist and what each accepts is what the manifests say. The
validator is imported when something is validated, not before.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from luminora import _members, _resources
from luminora._index import Index, Offer, known, suggestion
from luminora._shapes import PROVIDERS, pointer
from luminora.errors import ConfigError, CredentialsMissing, PluginError

if TYPE_CHECKING:
    from luminora.config import Config

_MEMBER = "member.{}"
_MAX_REFERENCES = 16  # in a row; a manifest may well go round in a circle


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration.

    Attributes:
        message: What was found, what is allowed, and the closest match.
        pointer: The JSON pointer in the canonical document.
        where: File, line and pointer as the user wrote it, or the variable or flag.
        hint: What to do, preferably a command.
    """

    message: str
    pointer: str
    where: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}"
        return f"{text}\n  → {self.hint}" if self.hint else text


def kind_of(section: str) -> str:
    """The kind of provider that a section of the config names."""
    return "llm" if section == "fallback_provider" else section.removesuffix("_provider")


def offered(index: Index, section: str, part: Any) -> Offer | None:
    """The offer that a section of the document names, if it names one; it may not be valid."""
    name = part.get("name") if isinstance(part, Mapping) else None
    package = part.get("package") if isinstance(part, Mapping) else None
    if not isinstance(name, str) or not isinstance(package, str | None):
        return None
    return index.peek(kind_of(section), name, package)


@lru_cache(maxsize=1)
def _base() -> dict[str, Any]:
    path = _resources.folder("schemas") / "luminora.schema.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def base() -> dict[str, Any]:
    """The schema without any provider's settings."""
    return copy.deepcopy(_base())


def config_schema(offer: Offer) -> dict[str, Any]:
    """The schema of one provider's ``config``; unknown properties are refused.

    An embedding provider's has ``dimension``, ``batch_size`` and ``timeout_seconds`` even if the
    manifest does not mention them, because the embedding service serves them for all.
    """
    schema = copy.deepcopy(dict(offer.entry["config_schema"]))
    schema.pop("$schema", None)
    schema.pop("$id", None)
    if offer.kind == "embedding":
        common = base()["$defs"]["embedding"]["properties"]
        schema["properties"] = {**common, **schema.get("properties", {})}
    if "additionalProperties" not in schema:
        schema.setdefault("unevaluatedProperties", False)
    return schema


def compose(index: Index) -> dict[str, Any]:
    """The whole schema for the plugins of ``index``, for validation and for editors alike."""
    document = base()
    for section in PROVIDERS:
        kind = kind_of(section)
        offers = index.usable(kind)
        for group in offers.values():
            for offer in group:
                key = _definition(offer)
                if key not in document["$defs"]:
                    part = _with_members(config_schema(offer), document["$defs"], index)
                    document["$defs"][key] = _embedded(part, f"#/$defs/{key}")
        document["properties"][section] |= _section(section, offers, document["$defs"]["provider"])
        document["properties"][section].pop("$ref", None)
        document["properties"][section].pop("anyOf", None)
    del document["$defs"]["provider"], document["$defs"]["embedding"]
    return document


def defaults(schema: Mapping[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """``value`` itself, with the schema's defaults where it says nothing."""
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, Mapping):
            continue
        if name not in value and "default" in part:
            value[name] = copy.deepcopy(part["default"])
        if isinstance(value.get(name), dict):
            defaults(part, value[name])
    return value


def secrets(schema: Mapping[str, Any], value: Any, path: tuple[str, ...] = ()) -> dict[str, str]:
    """The variables that ``value`` names under ``x-luminora-secret`` properties, by pointer."""
    found: dict[str, str] = {}
    if isinstance(value, Mapping):
        for name, part in schema.get("properties", {}).items():
            if not isinstance(part, Mapping) or name not in value:
                continue
            if part.get("x-luminora-secret") and isinstance(value[name], str):
                found[pointer((*path, name))] = value[name]
            found |= secrets(part, value[name], (*path, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for position, item in enumerate(value):
            found |= secrets(schema["items"], item, (*path, str(position)))
    return found


def validate(config: Config, index: Index | None = None) -> list[Problem]:
    """Everything that is wrong with ``config``, in the document's order; empty when it is valid.

    Secrets are not looked at: :func:`credentials` does that.
    """
    index = index or config.index
    document = copy.deepcopy(dict(config.document))
    found: list[Problem] = []
    unknown: set[tuple[str, ...]] = set()
    for section in PROVIDERS:
        problems = list(_provider_problems(config, index, section))
        if problems:
            found += problems
            unknown.add((section, "name"))
        if document.get(section, ()) is None and section != "fallback_provider":
            del document[section]
    for member in members(index, document):
        problems = list(_member_problems(config, index, member))
        if problems:
            found += problems
            unknown |= {member.path, (*member.path, "name")}
        _members.replaced(document, member.path, _whole(member, index))
    found += _plugin_problems(config, index)
    schema = compose(index)
    for error in _errors(schema, document):
        path = tuple(str(step) for step in error.instance_path)
        if type(error.kind).__name__ == "Type":
            unknown.add(path)  # what is more, it is not one of the allowed values
            found += _described(config, index, error, path, schema)
        elif path not in unknown:
            found += _described(config, index, error, path, schema)
    order = list(document)
    found.sort(key=lambda problem: _rank(problem.pointer, order))
    return found


def members(index: Index, document: Mapping[str, Any]) -> Iterator[_members.Member]:
    """The members of all sections whose provider is made of providers."""
    for section in PROVIDERS:
        part = document.get(section)
        if isinstance(part, Mapping) and (offer := offered(index, section, part)):
            yield from _members.of(index, offer, part.get("config"), (section, "config"))


def credentials(config: Config) -> list[Problem]:
    """The variables that ``config`` names for secrets and that are unset or empty."""
    return [
        _problem(
            config,
            place,
            f"the environment variable {variable}, which should hold a secret, is "
            f"{'empty' if variable in config.env else 'not set'}",
            f"export {variable}=… (or add the line to .env)",
        )
        for place, variable in config.unset.items()
    ]


def ensure(config: Config, index: Index | None = None, *, secrets: bool = True) -> None:
    """Refuse a configuration that cannot work.

    Args:
        config: What was loaded.
        index: The plugins; by default those ``config`` was loaded with.
        secrets: Also insist that the variables for secrets are set.

    Raises:
        ConfigError: It is invalid; ``problems`` lists everything.
        CredentialsMissing: It is valid and lacks a secret.
    """
    if problems := validate(config, index):
        raise _refusal(ConfigError, config, problems)
    if secrets and (problems := credentials(config)):
        raise _refusal(CredentialsMissing, config, problems)


def check_settings(offer: Offer, settings: dict[str, Any], place: str) -> dict[str, Any]:
    """One provider's settings with their defaults.

    Raises:
        ConfigError: They do not fit the manifest's schema; ``place`` is what to call them.
    """
    schema = config_schema(offer)
    settings = defaults(schema, copy.deepcopy(settings))
    errors = [
        f"{place}{pointer(tuple(map(str, error.instance_path)))}: {text}"
        for error in _errors(schema, settings)
        for _, text in _texts(error, schema, tuple(map(str, error.instance_path)))
    ]
    if errors:
        raise ConfigError(errors[0], problems=tuple(errors), hint="luminora config validate")
    return settings


# --- composing -----------------------------------------------------------------------------------


def _definition(offer: Offer) -> str:
    return f"{offer.kind}.{offer.name}.{offer.discovery.distribution.name}"


def _with_members(schema: dict[str, Any], defs: dict[str, Any], index: Index) -> dict[str, Any]:
    """The schema, its lists of providers held to what the installed ones accept."""
    for setting, kind in _members.lists(schema):
        part = _section(kind, index.usable(kind), defs["provider"])
        defs.setdefault(_MEMBER.format(kind), part)
        schema["properties"][setting]["items"] = {"$ref": f"/{_MEMBER.format(kind)}"}
    return schema


def _section(
    section: str, offers: Mapping[str, list[Offer]], provider: Mapping[str, Any]
) -> dict[str, Any]:
    part = copy.deepcopy(dict(provider))
    del part["description"]
    part["properties"]["name"]["enum"] = names = list(offers)
    part["allOf"] = [{"if": {"type": "string"}, "then": {"enum": names}}]
    for name, group in offers.items():
        for offer in group:
            when: dict[str, Any] = {"name": {"const": name}}
            if len(group) > 1:
                when["package"] = {"const": offer.discovery.distribution.name}
            definition = {"$ref": f"#/$defs/{_definition(offer)}"}
            then: dict[str, Any] = {"properties": {"config": definition}}
            if offer.entry["config_schema"].get("required"):
                then["required"] = ["config"]
            condition = {"type": "object", "properties": when, "required": list(when)}
            part["allOf"].append({"if": condition, "then": then})
    if section == "fallback_provider":
        part["type"] = [*part["type"], "null"]
    return part


def _embedded(node: Any, root: str) -> Any:
    """A schema moved to ``root``: its references to itself follow."""
    if isinstance(node, dict):
        return {
            key: _reference(value, root)
            if key == "$ref" and isinstance(value, str)
            else _embedded(value, root)
            for key, value in node.items()
        }
    return [_embedded(value, root) for value in node] if isinstance(node, list) else node


def _reference(target: str, root: str) -> str:
    if target.startswith("/"):
        return f"#/$defs{target}"  # one of ours, not the manifest's
    return root + target[1:] if target.startswith("#") else target


# --- describing ----------------------------------------------------------------------------------


def _errors(schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    import jsonschema_rs  # noqa: PLC0415 - a compiled library, for validation alone

    yield from jsonschema_rs.validator_for(dict(schema)).iter_errors(value)


def _provider_problems(config: Config, index: Index, section: str) -> Iterator[Problem]:
    part = config.document.get(section)
    if part is None and section == "embedding_provider":
        yield from _embedding_missing(config, index)
    yield from _offer_problems(config, index, kind_of(section), part, (section,))


def _member_problems(config: Config, index: Index, member: _members.Member) -> Iterator[Problem]:
    offer = member.offer(index)
    if offer is not None and offer.name == member.owner:
        text = f"'{offer.name}' cannot be a member of itself; name its members here instead"
        yield _problem(config, pointer((*member.path, "name")), text, None)
    else:
        yield from _offer_problems(config, index, member.kind, member.part, member.path)


def _offer_problems(
    config: Config, index: Index, kind: str, part: Any, path: tuple[str, ...]
) -> Iterator[Problem]:
    """Whether there is the provider that a section names, and what it needs."""
    if not isinstance(part, Mapping) or not isinstance(part.get("name"), str):
        return
    place = pointer((*path, "name"))
    package = part.get("package") if isinstance(part.get("package"), str) else None
    try:
        offer = index.find(kind, part["name"], package)
    except PluginError as problem:
        yield _problem(config, place, problem.message, problem.hint)
        return
    for module, command in offer.entry.get("requires", {}).items():
        if not importable(module):
            text = f"'{part['name']}' needs the Python package '{module}', which is not installed"
            yield _problem(config, place, text, command)


def _whole(member: _members.Member, index: Index) -> Any:
    """A member as a section with its provider's defaults."""
    part = copy.deepcopy(dict(member.part))
    offer = member.offer(index)
    if offer is not None and isinstance(part.setdefault("config", {}), dict):
        defaults(config_schema(offer), part["config"])
    return part


def _plugin_problems(config: Config, index: Index) -> Iterator[Problem]:
    for name in strings(config.document, "plugins", "enabled"):
        try:
            index.plugin(name)
        except PluginError as problem:
            yield _problem(config, "/plugins/enabled", problem.message, problem.hint)


def _embedding_missing(config: Config, index: Index) -> Iterator[Problem]:
    llm = config.document["llm_provider"]
    name = llm.get("name") if isinstance(llm, Mapping) else None
    if not isinstance(name, str) or (not index.peek("llm", name) and not known("llm", name)):
        return  # the LLM provider itself is the problem
    advice = index.recommended("llm", name, "embedding") or "static"
    entry = None if index.peek("embedding", advice) else known("embedding", advice)
    hint = f"luminora config embeddings --provider {advice}"
    yield _problem(
        config,
        "/llm_provider/name",
        f"embedding_provider is left out, and '{name}' offers no embeddings; "
        f"recommended beside it: '{advice}'",
        f"pip install {entry['distribution']}, then {hint}" if entry else hint,
    )


def importable(module: str) -> bool:
    """Whether the top-level package of ``module`` is there; nothing is imported."""
    from importlib.util import find_spec  # noqa: PLC0415 - dear at start-up

    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _described(
    config: Config, index: Index, error: Any, path: tuple[str, ...], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    settings: tuple[str, ...] = path
    inside = path[1:2] == ("config",) and path[0] in PROVIDERS
    if inside and (offer := offered(index, path[0], config.document[path[0]])):
        schema, settings = config_schema(offer), path[2:]
        for member in members(index, config.document):
            end = len(member.path) + 1
            inner = member.offer(index)
            if inner and path[:end] == (*member.path, "config"):
                schema, settings = config_schema(inner), path[end:]
    for step, text in _texts(error, schema, settings):
        yield _problem(config, pointer((*path, *step)), text, None)


def _texts(
    error: Any, schema: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What one validation error says in our words, and where below its place."""
    kind = type(error.kind).__name__
    if kind in {"AdditionalProperties", "UnevaluatedProperties"}:
        allowed = list(at(schema, path).get("properties", {}))
        for name in error.kind.unexpected:
            text = f"unknown property '{name}'{suggestion(name, allowed)}"
            yield (name,), f"{text} (allowed: {', '.join(allowed)})" if allowed else text
    elif kind == "Enum":
        options = [str(option) for option in error.kind.options]
        found = _shown(error.instance)
        yield (), f"{found} is not one of {', '.join(options)}{suggestion(found, options)}"
    elif kind == "Type":
        wanted = " or ".join(error.kind.types)
        yield (), f"found {_type(error.instance)}, but it has to be {wanted}"
    elif kind == "Required":
        yield (), f"'{error.kind.property}' is missing"
    else:
        yield (), error.message[:200]


def at(schema: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    """What ``schema`` says of the value at ``path``, as far as it says so plainly; else nothing."""
    node = _resolved(schema, schema)
    for step in path:
        others = node.get("items", node.get("additionalProperties"))
        node = _resolved(schema, node.get("properties", {}).get(step, others))
    return node


def _resolved(root: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    for _ in range(_MAX_REFERENCES):
        if not isinstance(node, Mapping) or not str(node.get("$ref", "")).startswith("#/"):
            break
        target: Any = root
        for name in node["$ref"][2:].split("/"):
            target = target.get(name) if isinstance(target, Mapping) else None
        node = target
    return node if isinstance(node, Mapping) else {}


def _problem(config: Config, place: str, message: str, hint: str | None) -> Problem:
    return Problem(message, place, config.where(place), hint)


def _refusal(error: type[ConfigError], config: Config, problems: list[Problem]) -> ConfigError:
    first = problems[0]
    return error(
        first.message if len(problems) == 1 else f"{len(problems)} problems",
        where=first.where if len(problems) == 1 else str(config.path or "the configuration"),
        hint=first.hint if len(problems) == 1 else "luminora config validate",
        problems=tuple(str(problem) for problem in problems),
    )


def strings(document: Mapping[str, Any], section: str, name: str) -> list[str]:
    """The texts of a list in the document, whatever else it holds; it may not be valid."""
    part = document.get(section)
    values = part.get(name) if isinstance(part, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _rank(place: str, order: list[str]) -> tuple[int, str]:
    section = place.split("/")[1] if place else ""
    return (order.index(section) if section in order else len(order), place)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60].strip('"')


def _type(value: Any) -> str:
    names = {bool: "a boolean", str: "a string", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), "a number")
