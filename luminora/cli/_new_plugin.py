"""``luminora plugins new``: begin a plugin of one's own."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from luminora.cli import _ask
from luminora.cli.output import emit_json, json_option, note, say

if TYPE_CHECKING:
    from luminora._scaffold import Plan

_KINDS = ("llm", "embedding", "storage", "vector_store", "cache")


class _Kind(click.Choice[str]):
    """A kind; ``vector-store`` and ``embeddings`` are understood as well."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See :meth:`click.Choice.convert`."""
        spelt = {"vector-store": "vector_store", "embeddings": "embedding"}.get(value, value)
        return super().convert(spelt, param, ctx)


@click.command("new")
@click.argument("name", required=False)
@click.option("--kind", type=_Kind(_KINDS), help="What it provides.")
@click.option("--directory", metavar="DIR", default=".", help="Where to put it; here if left out.")
@click.option("--author", metavar="NAME", help="Who publishes it; your login name if left out.")
@click.option("--description", metavar="TEXT", default="", help="One sentence for people.")
@json_option
def new(
    name: str | None,
    kind: str | None,
    directory: str,
    author: str | None,
    description: str,
    *,
    as_json: bool,
) -> None:
    """Write a whole plugin to begin with: luminora-NAME, which passes its own tests.

    It holds a provider that works, a manifest with settings, Luminora's conformance suite and
    tests of its own, types, a README, a licence and a CI file.

    Examples: luminora plugins new echo --kind llm · luminora plugins new shelf --kind vector-store
    """
    from luminora import _scaffold

    if name is None:
        name = _asked("NAME", "What is it called?")
    if kind is None:
        kind = _asked("--kind", "What does it provide?", _Kind(_KINDS))
    plain = _scaffold.check_name(name)
    plan = _scaffold.Plan(
        plain,
        kind,
        _scaffold.check_line(author or _login(), "author"),
        _scaffold.check_line(description, "description"),
    )
    folder = _scaffold.write(plan, Path(directory))
    for text in _clashes(plan):
        note(f"note: {text}")
    if as_json:
        files = sorted(_scaffold.render(plan))
        emit_json({"path": str(folder), "distribution": plan.distribution, "files": files})
        return
    say(f"{folder} written: {_scaffold.KINDS[kind][1]} '{plain}'")
    say()
    say("Next:")
    for command in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        "pytest",
        "luminora plugins validate --imports .",
        f"luminora config {_scaffold.KINDS[kind][2]} --provider {plain}",
    ):
        say(f"  {command}")


def _clashes(plan: Plan) -> Iterator[str]:
    """What the plugin's names are taken by, whether that is installed or only known."""
    from luminora._index import Index, known, known_names
    from luminora._manifests import KINDS

    index = Index.load()
    offer, listed = index.peek(plan.kind, plan.name), known(plan.kind, plan.name)
    owner = offer.discovery.distribution.name if offer else (listed or {}).get("distribution")
    if owner is not None:
        yield (
            f"{owner} offers {plan.kind} '{plan.name}' already; with both installed, a "
            f'configuration has to say {{"name": "{plan.name}", "package": "{plan.distribution}"}}'
        )
    entries = [known(kind, name) or {} for kind in KINDS for name in known_names(kind)]
    taken = {one.distribution.name for one in index.discoveries}
    taken |= {str(entry.get("distribution")) for entry in entries}
    if plan.distribution in taken:
        yield (
            f"there is a distribution {plan.distribution} already: both cannot be installed at "
            "once; take another name before you publish this one"
        )


def _asked(what: str, question: str, kind: click.ParamType[str] | None = None) -> str:
    if not _ask.attended():
        raise click.UsageError(f"{what} is missing, and nobody is there to ask")
    return str(click.prompt(question, type=kind or str, err=True))


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user id
        return "the author"
