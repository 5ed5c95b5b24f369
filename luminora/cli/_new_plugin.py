"""``luminora plugins new``: begin a plugin of one's own."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from luminora.cli import _ask
from luminora.cli.output import emit_json, json_option, note, say

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
    from luminora._index import Index

    if name is None:
        name = _asked("NAME", "What is it called?")
    if kind is None:
        kind = _asked("--kind", "What does it provide?", _Kind(_KINDS))
    plain = _scaffold.check_name(name)
    plan = _scaffold.Plan(plain, kind, author or _login(), " ".join(description.split()))
    folder = _scaffold.write(plan, Path(directory))
    taken = Index.load().peek(kind, plain)
    if taken is not None:
        owner = taken.discovery.distribution.name
        note(
            f"note: {owner} offers {kind} '{plain}' already; with both installed, a configuration "
            f'has to say {{"name": "{plain}", "package": "{plan.distribution}"}}'
        )
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


def _asked(what: str, question: str, kind: click.ParamType[str] | None = None) -> str:
    if not _ask.attended():
        raise click.UsageError(f"{what} is missing, and nobody is there to ask")
    return str(click.prompt(question, type=kind or str, err=True))


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user id
        return "the author"
