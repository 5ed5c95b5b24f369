"""``luminora init``: set up a stack step by step, or in one go by flags or answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli import _ask, _terminal
from luminora.cli._sections import SECTIONS, typed_value
from luminora.cli.output import emit_json, json_option, note, say
from luminora.cli.wizard.texts import LANGUAGES
from luminora.errors import InputError, LuminoraError

if TYPE_CHECKING:
    from luminora.cli._settings import Setting
    from luminora.cli.wizard.steps import Wizard

_SETTINGS = "luminora.settings"
_BAR = "━" * 54
_SWITCHES = {
    "same-processing": "Analyse with the model that answers.",
    "same-embeddings": "Take the language model's provider for embeddings, if it has some.",
    "batch": "Send texts to be embedded in batches.",
    "semantic-search": "Choose where vectors are kept; else what goes with the database.",
    "caching": "Choose a cache; else the memory of the process.",
    "install": "Install plugins that are chosen and missing, with pip.",
    "test": "Test each connection.",
    "migrate": "Create the tables at the end.",
    "extension": "Install the extension that the vector store needs.",
}
"""The questions that are answered by yes or no."""


class _Init(click.Command):
    """A command whose flags are also the settings of the providers that the command line names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See :meth:`click.Command.parse_args`."""
        try:
            ctx.meta[_SETTINGS] = list(_flags(args))
        except LuminoraError:
            ctx.meta[_SETTINGS] = []  # the wizard tells what is wrong with the names
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """See :meth:`click.Command.get_params`."""
        return [*super().get_params(ctx), *ctx.meta.get(_SETTINGS, [])]


def _provider_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, line in reversed(_SWITCHES.items()):
        command = click.option(f"--{name}/--no-{name}", default=None, help=line)(command)
    for word, (_, line) in reversed(SECTIONS.items()):
        command = click.option(f"--{word}", word.replace("-", "_"), metavar="NAME", help=line)(
            command
        )
    return command


@click.command(cls=_Init)
@_provider_options
@click.option("--config", "config_file", metavar="FILE", help="The file to write or change.")
@click.option("--interactive", is_flag=True, help="Ask, also where a file is there already.")
@click.option("--no-input", is_flag=True, help="Never ask: what no flag answers takes its default.")
@click.option("--from", "answers_file", metavar="FILE", help="Answers kept by --save-answers.")
@click.option("--save-answers", metavar="FILE", help="Keep the answers, to give them again.")
@click.option("--yes", is_flag=True, help="Write the file without asking.")
@click.option("--force", is_flag=True, help="Change a file that exists, where nobody can be asked.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="The language; the locale's if left out."
)
@json_option
@click.pass_context
def init(ctx: click.Context, /, **typed: Any) -> int:
    r"""Set up your stack: language model, embeddings, database, vectors, cache.

    Asks on a terminal, tests each connection, shows the file and writes it. Every question has a
    flag; those of a provider's settings begin with its part: --llm-api-key-env, --storage-host.
    With --no-input, without a terminal, or where CI is set, nothing is asked. Over a file that
    exists its values are the answers proposed, and comments stay.

    \b
    Examples:
      luminora init
      luminora init --no-input --llm offline --storage sqlite
      luminora init --storage postgresql --storage-host db.example --migrate
      luminora init --from answers.json --lang es
    """
    from luminora.cli._draft import Draft
    from luminora.cli.wizard.interview import answers_from, interview
    from luminora.cli.wizard.steps import Wizard
    from luminora.cli.wizard.texts import Texts, language

    texts = Texts(language(typed["lang"]))
    settings = {one.name: one for one in ctx.meta.get(_SETTINGS, [])}
    given = answers_from(Path(typed["answers_file"])) if typed["answers_file"] else {}
    given |= _answers(typed, settings)
    attended = _attended(no_input=typed["no_input"] or typed["as_json"])
    if typed["interactive"] and not attended:
        raise click.UsageError("--interactive needs a terminal")
    draft = Draft.of(typed["config_file"] or (None if attended else _here()))
    tell = note if typed["as_json"] else say
    wizard = Wizard(draft, interview(given, texts, tell, attended=attended))
    tell(_BAR)
    tell(f"  {texts['title']}")
    tell(_BAR)
    changing = _wants_change(wizard, given, interactive=typed["interactive"])
    if changing:
        wizard.run()
        _refuse_leftovers(wizard)
    return _finish(wizard, typed, changing=changing)


def _finish(wizard: Wizard, typed: Mapping[str, Any], *, changing: bool) -> int:
    """Write what was decided, set it up, and tell about it."""
    from luminora.cli.wizard import closing

    draft, ask = wizard.draft, wizard.ask
    text = wizard.decisions.text()
    if changing:
        if draft.exists and text != draft.text and not (ask.attended or typed["force"]):
            raise InputError(
                f"{draft.name} exists and would change",
                hint="add --force, or look at it with luminora config show",
            )
        if not closing.write(wizard):
            return 1
    else:
        _set_up_as_it_is(wizard)
    if typed["save_answers"]:
        _save_answers(Path(typed["save_answers"]), ask.answers)
    done = closing.set_up(wizard)
    config = draft.reread().config()
    if typed["as_json"]:
        emit_json(
            {
                "path": str(draft.path),
                "written": changing and text != draft.text,
                "set_up": done,
                "config": closing.summary(config),
                "missing_secrets": sorted({*config.unset.values()}),
            }
        )
    else:
        closing.closing(wizard, config, ready=done and bool(ask.answers.get("migrate")))
    return 0 if done else 1


def _wants_change(wizard: Wizard, given: Mapping[str, Any], *, interactive: bool) -> bool:
    """Whether the questions are asked; of a file that exists it may be enough to set it up."""
    draft, ask = wizard.draft, wizard.ask
    from luminora.cli.wizard.asking import Choice

    decided = given.keys() - {"test", "migrate", "extension", "install", "yes"}
    if not draft.exists or interactive or decided:
        return True
    ask.tell(wizard.texts.say("exists", draft.name))
    choices = [
        Choice("as_it_is", wizard.texts["as_it_is"]),
        Choice("change", wizard.texts["change"]),
    ]
    return ask.choose(wizard.texts["what_now"], choices, "as_it_is") == "change"


def _set_up_as_it_is(wizard: Wizard) -> None:
    """Read the file, test what it names, and ask for what is missing in the database."""
    from luminora import schema
    from luminora.cli.wizard import closing

    ask, texts = wizard.ask, wizard.texts
    ask.tell("")
    ask.tell(texts["reading"])
    config = wizard.draft.config()
    schema.ensure(config, secrets=False)
    for word, line in closing.summary(config).items():
        ask.tell(f"  ✓ {word}: {line}")
    ask.tell("")
    for word in SECTIONS:
        wizard.trial.test(word, changeable=False)
    ask.confirm("migrate", texts["tables"], default=ask.attended)


def _answers(typed: Mapping[str, Any], settings: Mapping[str | None, _Flag]) -> dict[str, Any]:
    """The answers on the command line, by id."""
    found: dict[str, Any] = {}
    for name in (*SECTIONS, *_SWITCHES):
        value = typed[name.replace("-", "_")]
        if value is not None:
            found[name] = value
    for parameter, flag in settings.items():
        value = typed.get(str(parameter))
        if value is not None:
            found[flag.answer] = value
    if typed["yes"]:
        found["yes"] = True
    return found


class _Flag(click.Option):
    """A setting of one of the providers, as an option; the wizard checks its value."""

    def __init__(self, answer: str, setting: Setting) -> None:
        self.answer = answer
        switch = setting.type == ("boolean",)
        spelling = f"--{answer}/--no-{answer}" if switch else f"--{answer}"
        super().__init__(
            [f"setting_{answer.replace('-', '_')}", spelling],
            is_flag=switch,
            default=None,
            help=setting.description,
            metavar=None if switch else "VALUE",
        )


def _flags(args: Sequence[str]) -> Iterator[_Flag]:
    """The settings of the providers that the command line, its answers or the file name."""
    from luminora import schema
    from luminora.cli._draft import Draft, provider
    from luminora.cli._settings import settings_of
    from luminora.cli.wizard.interview import answers_from

    file = typed_value(args, "--from")
    answers = answers_from(Path(file)) if file else {}
    config = Draft.of(typed_value(args, "--config")).config()
    taken = {*SECTIONS, *_SWITCHES}
    named: dict[str, str] = {}
    for word, (section, _) in SECTIONS.items():
        name = typed_value(args, f"--{word}") or answers.get(word)
        if name is None and word == "embeddings" and "llm" in named:
            name = named["llm"] if config.index.peek("embedding", named["llm"]) else None
        name = name or provider(config, section)
        named[word] = str(name)
        offer = config.index.peek(schema.kind_of(section), str(name))
        for setting in settings_of(offer) if offer else ():
            answer = f"{word}-{setting.flag[2:]}"
            if answer not in taken:
                taken.add(answer)
                yield _Flag(answer, setting)


def _attended(*, no_input: bool) -> bool:
    """Whether there is somebody to ask, who sees what is asked."""
    return not no_input and _ask.attended() and _terminal.terminal(sys.stdout)


def _here() -> str | None:
    """Without anybody to ask, a new file goes here, never into somebody's other configuration."""
    import os

    return None if os.environ.get("LUMINORA_CONFIG") else "luminora.json"


def _refuse_leftovers(wizard: Wizard) -> None:
    """Refuse answers to questions that did not come up: they would be lost silently."""
    meaningless = {*_SWITCHES, "yes", "store-secrets"}
    if left := [name for name in wizard.ask.unused() if name not in meaningless]:
        from luminora._index import suggestion

        raise click.UsageError(
            f"nothing asks for '{left[0]}'{suggestion(left[0], list(wizard.ask.answers))}"
        )


def _save_answers(file: Path, answers: Mapping[str, Any]) -> None:
    from luminora._state import write_atomically

    text = json.dumps({"version": 1, **answers}, ensure_ascii=False, indent=2)
    try:
        write_atomically(file, f"{text}\n", mode=0o644)
    except OSError as problem:
        raise InputError(f"cannot be written: {problem.strerror}", where=str(file)) from None


__all__ = ["init"]
