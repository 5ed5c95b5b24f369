"""The end of the wizard: show the file, write it, make the tables, say what comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luminora import _state
from luminora.cli._draft import provider
from luminora.cli._sections import SECTIONS
from luminora.errors import InputError, LuminoraError
from luminora.schema import kind_of

if TYPE_CHECKING:
    from luminora.cli.wizard.steps import Wizard
    from luminora.cli.wizard.texts import Texts
    from luminora.config import Config

_SECRET_MODE = 0o600
_LABELS = {
    "llm": "LLM",
    "embeddings": "Embeddings",
    "storage": "Database",
    "vector-store": "Vector DB",
    "cache": "Cache",
}
Tell = Callable[[str], None]


def write(wizard: Wizard) -> bool:
    """Show the file and write it, if that is agreed to; whether it holds the answers now.

    Raises:
        ConfigError: It would not be valid; nothing is written.
        InputError: It cannot be written.
    """
    ask, texts, draft = wizard.ask, wizard.texts, wizard.draft
    text = wizard.decisions.text()
    fresh, _ = draft.new_problems(text)
    if fresh:
        raise draft.refuse(fresh)
    ask.tell("")
    if text == draft.text:
        ask.tell(texts.say("same", draft.name))
    else:
        ask.tell(texts.say("preview", draft.name))
        ask.tell("")
        for line in text.rstrip("\n").splitlines():
            ask.tell(f"  {line}")
        ask.tell("")
        if not ask.confirm("yes", texts["write"], default=True):
            ask.tell(texts["not_written"])
            return False
        draft.write(text)
        ask.tell(f"✓ {texts.say('saved', draft.name)}")
    if secrets := wizard.settings.secrets:
        file = wizard.decisions.env_file
        keep_secrets(file, secrets)
        ask.tell(f"✓ {texts.say('env_saved', ', '.join(secrets), file.name)}")
    return True


def keep_secrets(file: Path, values: Mapping[str, str]) -> None:
    """Append variables to a ``.env`` file that nobody else can read, not even for a moment.

    Raises:
        InputError: It cannot be written.
    """
    try:
        old = file.read_text("utf-8") if file.exists() else ""
        gap = "" if not old or old.endswith("\n") else "\n"
        lines = "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())
        _state.write_atomically(file, f"{old}{gap}{lines}", mode=_SECRET_MODE)
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"cannot be written: {problem}", where=str(file)) from None


async def make_tables(config: Config, tell: Tell, texts: Texts) -> None:
    """Run the migrations that are pending, extensions of the database included.

    Raises:
        StorageError, MigrationError: They cannot be run.
    """
    from luminora.migrations import MigrationRunner
    from luminora.plugins import activate
    from luminora.providers import Kind

    tell(f"⏳ {texts['migrating']}")
    active = activate(config)

    async with active.build(Kind.STORAGE) as storage:
        sets = active.migration_sets()
        runner = MigrationRunner.for_driver(config, storage.migrations(), sets, active.dimension)
        outcome = await runner.migrate()
    for name in outcome.done:
        tell(f"  ✓ {name}")
    for warning in outcome.warnings:
        tell(f"  ⚠ {warning}")
    tell(f"✓ {texts['migrated'] if outcome.done else texts['up_to_date']}")


def set_up(wizard: Wizard) -> bool:
    """Make the tables if that was wanted; whether that went well."""
    from luminora.cli.output import run_async

    wanted = ("migrate", "extension")
    if not any(wizard.ask.answers.get(name) for name in wanted):
        return True
    wizard.ask.tell("")
    try:
        run_async(make_tables(wizard.draft.reread().config(), wizard.ask.tell, wizard.texts))
    except LuminoraError as problem:
        wizard.ask.tell(f"✗ {problem}")
        return False
    return True


def summary(config: Config) -> dict[str, str]:
    """What is configured, in a line for each part."""
    found = {}
    for word, (section, _) in SECTIONS.items():
        part = config.document.get(section) or {}
        name = provider(config, section) or ""
        title = config.index.title(kind_of(section), name)
        details = ", ".join(_details(word, config, part.get("config") or {}))
        found[word] = f"{title} ({details})" if details else title
    return found


def _details(word: str, config: Config, settings: Mapping[str, Any]) -> list[str]:
    match word:
        case "llm":
            model = (settings.get("models") or {}).get("main")
            return [model] if model else []
        case "embeddings":
            from luminora.migrations.settings import declared_dimension

            dimension = declared_dimension(config)
            offer = config.index.peek("embedding", provider(config, SECTIONS[word][0]) or "")
            remote = bool(offer and offer.entry.get("hosts"))
            batch = settings.get("batch_size") if remote else None
            return [
                *([f"{dimension} dims"] if dimension else []),
                *([f"batch={batch}"] if batch else []),
            ]
        case "storage":
            place = settings.get("database_path") or settings.get("host") or settings.get("region")
            name = settings.get("database")
            return [f"{name}@{place}" if name and place else str(place)] if place else []
    return []


def closing(wizard: Wizard, config: Config, *, ready: bool) -> None:
    """The box with what is configured, and what to do next."""
    tell, texts = wizard.ask.tell, wizard.texts
    tell("")
    tell(f"✅ {texts['ready' if ready else 'complete']}")
    tell("")
    lines = [texts["yours"], ""]
    width = max(map(len, _LABELS.values())) + 2
    lines += [f"{_LABELS[word] + ':':<{width}}{line}" for word, line in summary(config).items()]
    for line in box(lines):
        tell(line)
    tell("")
    tell(texts["next"])
    for number, (title, commands) in enumerate(_next(wizard, config), 1):
        tell(f"  {number}. {texts[title]}")
        for command in commands:
            tell(f"     {command}")


def _next(wizard: Wizard, config: Config) -> list[tuple[str, list[str]]]:
    unset = dict.fromkeys(config.unset.values())
    value = wizard.texts["your_value"]
    steps: list[tuple[str, list[str]]] = []
    if unset:
        steps.append(("set_variables", [f'export {name}="{value}"' for name in unset]))
    from luminora.config import find_file

    here = find_file(env=config.env, cwd=Path.cwd())
    flag = (
        ""
        if here and here.resolve() == wizard.draft.path.resolve()
        else f" --config {wizard.draft.name}"
    )
    steps += [
        ("test_setup", [f"luminora test-connection{flag}"]),
        ("load_personality", [f"luminora load-personality alicia.json{flag}"]),
        ("talk", [f"luminora chat{flag}"]),
        ("start", []),
    ]
    return steps


def box(lines: list[str]) -> list[str]:
    """The lines in a frame."""
    from rich.cells import cell_len

    width = max(map(cell_len, lines))
    body = [f"│ {line}{' ' * (width - cell_len(line))} │" for line in lines]
    return [f"┌{'─' * (width + 2)}┐", *body, f"└{'─' * (width + 2)}┘"]


def _quoted(value: str) -> str:
    """A value as python-dotenv reads it back, whatever it holds."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
