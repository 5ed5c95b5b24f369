"""``luminora personality``: which companions there are, and how each one sounds when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import plain, printable
from luminora.cli._personas import blend, export, import_, loaded_persona, persona_library
from luminora.cli.output import Group, config_options, emit_json, json_option, note, say, table
from luminora.errors import LuminoraError, PersonalityError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.personality import PersonalityLibrary, Problem

_MARKS = {"error": "[✗]", "warning": "[!]"}


@click.group(cls=Group)
def personality() -> None:
    """List, check, try, blend and exchange personalities.

    Example: luminora personality compile sakura --affinity 90 --mood happy
    """


@personality.command("list")
@config_options
@json_option
def list_(config: Config, *, as_json: bool) -> None:
    """List the personalities that can be talked with.

    Example: luminora personality list
    """
    found = list(_listed(persona_library(config)))
    if as_json:
        emit_json({"personalities": found})
        return
    table(
        ["name", "called", "language", "who that is"],
        [
            [one["name"], one["called"], one["language"], one["error"] or one["tagline"]]
            for one in found
        ],
    )


@personality.command()
@click.argument("name")
@config_options
@json_option
def show(config: Config, name: str, *, as_json: bool) -> None:
    """Show one personality; NAME is a name or the path of a file.

    Example: luminora personality show sakura
    """
    one = loaded_persona(config, name)
    if as_json:
        emit_json({"name": one.slug, "document": one.document})
        return
    say(printable(f"{one.name} ({one.slug}), {one.language}, version {one.version}"))
    say(f"\n{printable(one.description)}\n")
    for label, value in (
        ("archetype", one.archetype),
        ("temperament", one.temperament),
        ("tone", ", ".join(one.tone)),
        ("moods", ", ".join(one.moods)),
    ):
        say(f"{label:<12} {printable(value)}")
    say("\nlevels")
    for level in one.levels:
        added = ", ".join(level.modifier.tone_additions)
        say(printable(f"  {level.low:>3g} to {level.high:<3g} {level.name:<14} {added}").rstrip())
    if one.sample_responses:
        sample = one.sample_responses[0]
        say(printable(f"\n> {sample.input}\n{one.name}: {sample.output}"))


@personality.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
def validate(files: Sequence[str], *, as_json: bool) -> int:
    """Check persona files: every problem with its place and what to write instead.

    Warnings let a persona load; errors do not, and make the exit code 1.

    Example: luminora personality validate personalities/*.json
    """
    checked = {file: _problems(file) for file in files}
    wrong = [problem for found in checked.values() for problem in found]
    bad = any(problem["severity"] == "error" for problem in wrong)
    if as_json:
        emit_json({"valid": not bad, "files": checked})
        return int(bad)
    for file, found in checked.items():
        errors = sum(problem["severity"] == "error" for problem in found)
        told = [_counted(errors, "error") if errors else "ok"]
        told += [_counted(len(found) - errors, "warning")] if len(found) > errors else []
        say(f"{file}: {', '.join(told)}")
        for problem in found:
            place = problem["pointer"] or "/"
            say(printable(f"  {_MARKS[problem['severity']]} {place}: {problem['message']}"))
            if problem["hint"]:
                say(printable(f"      → {problem['hint']}"))
    return int(bad)


@personality.command("compile")
@click.argument("name")
@click.option(
    "--affinity",
    metavar="N",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="How close the user is, 0 to 100.",
)
@click.option("--mood", metavar="NAME", default="neutral", show_default=True, help="The mood.")
@click.option(
    "--intensity",
    metavar="N",
    type=click.FloatRange(0, 1),
    default=1.0,
    help="How strongly it is felt, 0 to 1.",
)
@config_options
@json_option
def compile_(
    config: Config, name: str, affinity: float, mood: str, intensity: float, *, as_json: bool
) -> None:
    """Print the system prompt of a personality at one moment of the relationship.

    Example: luminora personality compile sakura --affinity 45 --mood shy
    """
    from luminora._index import suggestion
    from luminora.personality import PersonalityTree

    one = loaded_persona(config, name)
    if mood not in one.moods:
        raise click.BadParameter(
            f"{one.name} knows no mood '{mood}'{suggestion(mood, one.moods)} "
            f"(there are {', '.join(one.moods)})",
            param_hint="--mood",
        )
    compiled = PersonalityTree(one).compile(affinity, mood, intensity)
    if as_json:
        emit_json(plain(compiled))
        return
    say(printable(compiled.system_prompt))
    note(f"level {compiled.level}, mood {compiled.mood}, affinity {affinity:g}")


for command in (blend, export, import_):
    personality.add_command(command)


def _listed(library: PersonalityLibrary) -> Iterator[dict[str, Any]]:
    for name in library.names():
        entry: dict[str, Any] = {"name": name, "called": "", "language": "", "tagline": ""}
        try:
            one = library.load(name)
        except LuminoraError as problem:
            yield {**entry, "error": problem.message}
            continue
        persona = one.document["persona"]
        tagline = persona.get("tagline") or one.description.partition(". ")[0]
        known = {"called": one.name, "language": one.language, "tagline": tagline}
        yield {**entry, **known, "error": None}


def _problems(file: str) -> list[dict[str, Any]]:
    """What is wrong with a file, as plain data; a file that cannot be read is one problem."""
    from luminora.personality import validate as check
    from luminora.personality.reader import read

    try:
        return [_told(problem) for problem in check(read(Path(file)))]
    except PersonalityError as problem:
        place = f"{problem.where}: " if problem.where and problem.where != file else ""
        return [
            {
                "severity": "error",
                "pointer": "",
                "message": f"{place}{problem.message}",
                "hint": problem.hint,
            }
        ]


def _told(problem: Problem) -> dict[str, Any]:
    found: dict[str, Any] = plain(problem)
    return found


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
