"""``luminora config llm`` and its like: one provider's settings as flags, from its manifest.

Which flags there are depends on the provider that the command line, or else the file, names; only
that provider's manifest is read, and nothing of it is imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._changes import Wish, put, wish_options
from luminora.cli._settings import Setting, settings_of, value_of
from luminora.cli.output import emit_json, loaded_config, note
from luminora.errors import InputError, LuminoraError, ProviderUnknown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from luminora._index import Offer
    from luminora.config import Config

SECTIONS = {
    "llm": ("llm_provider", "Which model speaks, and how."),
    "embeddings": ("embedding_provider", "Which model finds what belongs together."),
    "storage": ("storage_provider", "Which database remembers."),
    "vector-store": ("vector_store_provider", "Where vectors are kept."),
    "cache": ("cache_provider", "What is kept at hand."),
}
"""The command's word for each section, the section, and the command's line of help."""

_EXAMPLES = {
    "llm": "--provider deepseek --api-key-env DEEPSEEK_API_KEY",
    "embeddings": "--provider deepseek --batch-size 10",
    "storage": "--provider postgresql --host localhost --database luminora",
    "vector-store": "--provider pgvector",
    "cache": "--provider redis --url-env REDIS_URL",
}
_OFFER = "luminora.offer"
_FLAGS = "luminora.flags"


class Section(click.Command):
    """A command whose flags are the settings of a provider."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.section, line = SECTIONS[word]
        super().__init__(
            word,
            callback=_change,
            help=f"{line}\n\nWithout any option: show what holds. With settings alone: change "
            "them. With --provider: take another provider, or make it sure that it is this one; "
            "the old one's settings go.\n\n"
            f"Example: luminora config {word} {_EXAMPLES[word]}",
            short_help=line,
        )
        self.params = [
            click.Option(["--provider"], metavar="NAME", help="The provider."),
            click.Option(
                ["--package"],
                metavar="DIST",
                help="The distribution it has to come from, where several offer it.",
            ),
            click.Option(
                ["--unset"],
                metavar="NAME",
                multiple=True,
                help="Take a setting out, as in --unset models.main; may be repeated.",
            ),
            *_change.__click_params__[::-1],  # type: ignore[attr-defined]  # what the options added
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See :meth:`click.Command.parse_args`; the provider is looked for first."""
        try:
            ctx.meta[_OFFER] = self._offer(args)
        except LuminoraError:
            if not ctx.resilient_parsing:
                raise
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """See :meth:`click.Command.get_params`; the provider's settings are among them."""
        own = super().get_params(ctx)
        offer = ctx.meta.get(_OFFER)
        if offer is None:
            return own
        if _FLAGS not in ctx.meta:
            taken = {name for param in own for name in (*param.opts, *param.secondary_opts)}
            ctx.meta[_FLAGS] = list(_flags(offer, taken))
        return [*own, *ctx.meta[_FLAGS]]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See :meth:`click.Command.format_options`; the provider's are a group of their own."""
        params, offer = self.get_params(ctx), ctx.meta.get(_OFFER)
        flags = ctx.meta.get(_FLAGS, [])
        own = [one for one in params if one not in flags]
        heading = f"Settings of {offer.name}" if offer else ""
        for title, group in ((heading, flags), ("Options", own)):
            rows = [row for one in group if (row := one.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See :meth:`click.Command.format_epilog`; tells which providers there are."""
        from luminora import schema
        from luminora._index import Index

        names = [*Index.load().usable(schema.kind_of(self.section))]
        with formatter.section("Providers installed"):
            formatter.write_text(", ".join(names))
        super().format_epilog(ctx, formatter)

    def _offer(self, args: Sequence[str]) -> Offer | None:
        """The provider that the flags are of; None if it is not installed but may be forced."""
        from luminora import schema
        from luminora.cli._draft import Draft

        named, package = typed_value(args, "--provider"), typed_value(args, "--package")
        config = Draft.of(typed_value(args, "--config")).config()
        part = config.document.get(self.section)
        if named is None:
            return schema.offered(config.index, self.section, part)
        if package is None and isinstance(part, dict) and part.get("name") == named:
            package = part.get("package")
        try:
            return config.index.find(schema.kind_of(self.section), named, package)
        except ProviderUnknown as problem:
            if "--force" in args and _known(self.section, named):
                return None
            raise ProviderUnknown(
                problem.message, hint=problem.hint or "luminora plugins list"
            ) from None


def typed_value(args: Sequence[str], flag: str) -> str | None:
    """The value of an option before anything is parsed: the last one, as click takes it."""
    found = None
    for position, word in enumerate(args):
        if word == "--":
            break
        if word == flag and position + 1 < len(args):
            found = args[position + 1]
        elif word.startswith(f"{flag}="):
            found = word.partition("=")[2]
    return found


def _known(section: str, name: str) -> bool:
    from luminora import schema
    from luminora._index import known

    return known(schema.kind_of(section), name) is not None


class _Value(click.ParamType[Any]):
    """A setting's value, as its schema wants it."""

    name = "value"

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any]:
        """See :meth:`click.ParamType.convert`; in a tuple, since null is a value too."""
        if isinstance(value, tuple):
            return value
        try:
            return (value_of(self.setting.schema, value),)
        except InputError as problem:
            self.fail(problem.message, param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        param: click.Parameter,  # noqa: ARG002 - click's
        incomplete: str,
    ) -> list[CompletionItem[Any]]:
        """See :meth:`click.ParamType.shell_complete`."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(one) for one in self._words if one.startswith(incomplete)]

    @property
    def _words(self) -> list[str]:
        return [one if isinstance(one, str) else json.dumps(one) for one in self.setting.choices]


class _Flag(click.Option):
    """A setting as an option."""

    def __init__(self, setting: Setting, spelling: str, position: int) -> None:
        switch = setting.type == ("boolean",)
        self.setting = setting
        super().__init__(
            [f"setting_{position}", spelling],
            type=None if switch else _Value(setting),
            is_flag=switch,
            default=None,
            metavar=None if switch else _metavar(setting),
            help=_help(setting),
        )


def _flags(offer: Offer, taken: set[str]) -> Iterator[_Flag]:
    """One option for each setting; where a command's own option has the name, that one keeps it."""
    for position, setting in enumerate(settings_of(offer)):
        names = [setting.flag]
        if setting.type == ("boolean",):
            names.append(f"--no-{setting.flag[2:]}")
        if not taken.intersection(names):
            taken |= {*names}
            yield _Flag(setting, "/".join(names), position)


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "|".join(one if isinstance(one, str) else json.dumps(one) for one in setting.choices)
    if setting.secret or setting.path[-1].endswith("_env"):
        return "VARIABLE"
    kinds = {"array": "JSON", "object": "JSON", "integer": "N", "number": "N", "boolean": "BOOL"}
    return next((kinds[kind] for kind in setting.type if kind in kinds), "TEXT")


def _help(setting: Setting) -> str:
    text = setting.description
    if setting.default is not None:
        text += f"  [default: {json.dumps(setting.default, ensure_ascii=False).strip(chr(34))}]"
    return f"{text}  [required]" if setting.required and setting.default is None else text


@wish_options
@click.pass_context
def _change(
    ctx: click.Context,
    /,
    *,
    wish: Wish,
    provider: str | None,
    package: str | None,
    unset: Sequence[str],
    **typed: Any,
) -> None:
    from luminora._edit import REMOVE
    from luminora.cli._draft import Draft, is_other_provider, said

    command = ctx.command
    assert isinstance(command, Section)  # noqa: S101 - nothing else calls it
    section, offer = command.section, ctx.meta.get(_OFFER)
    given = {
        flag.setting.path: typed[flag.name][0]
        if isinstance(typed[flag.name], tuple)
        else typed[flag.name]
        for flag in ctx.meta.get(_FLAGS, [])
        if typed[flag.name] is not None
    }
    if not (provider or package or unset or given):
        _show(command, wish)
        return
    draft = Draft.of(wish.file)
    config = draft.config()
    wanted: dict[tuple[str, ...], Any] = {}
    if provider:
        name = offer.name if offer else provider  # an alias that the file has stays there
        if is_other_provider(config, (section, "name"), name) or not _says(config, section):
            wanted[section, "name"] = name
    elif not _says(config, section):
        wanted[section, "name"] = config.section(section)["name"]  # no longer what follows
    if package:
        wanted[section, "package"] = package
    for name in unset:
        wanted[said(config, (section, "config", *name.split(".")))] = REMOVE
    wanted |= {(section, "config", *path): value for path, value in given.items()}
    put(
        draft,
        draft.with_values(config, wanted),
        wish,
        hint=f"luminora config {command.word} --help lists the settings",
        advice=f"luminora test {command.word}",
    )


def _says(config: Config, section: str) -> bool:
    """Whether the file itself names the section's provider."""
    return (section, "name") in config.written()


def _show(command: Section, wish: Wish) -> None:
    """What holds in the section, and where each value comes from."""
    from luminora.cli.config import show_values

    config = loaded_config(wish.file)
    section = command.section
    if wish.as_json:
        emit_json(
            {
                "section": section,
                "value": config.document.get(section),
                "sources": {
                    place: source
                    for place, source in config.sources.items()
                    if place.split("/")[1] == section
                },
            }
        )
        return
    show_values(config, section)
    note(f"→ luminora config {command.word} --help shows what can be set")


llm, embeddings, storage, vector_store, cache = map(Section, SECTIONS)
