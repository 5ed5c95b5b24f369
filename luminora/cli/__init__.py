"""The ``luminora`` command.

``--version`` and ``--help`` are answered here, before click is imported; every other command
lives in a module of its own that is imported when the command is typed.

Exit codes: 0 ok · 1 failed · 2 usage · 3 configuration invalid · 4 credentials missing ·
5 schema pending or dirty · 6 lock timeout · 130 interrupted.
"""

from __future__ import annotations

import os
import sys

COMMANDS: dict[str, tuple[str, str]] = {
    "affinity": (
        "luminora.cli.relationship:affinity",
        "Show how close a user and a companion are.",
    ),
    "analytics": ("luminora.cli.analytics:analytics", "Show what conversations add up to."),
    "chat": ("luminora.cli.chat:chat", "Talk with a companion."),
    "classify": (
        "luminora.cli.classify:classify",
        "Say what messages are about and how they count.",
    ),
    "config": ("luminora.cli.config:config", "Show and check luminora.json."),
    "copy": ("luminora.cli.copy:copy", "Copy everything remembered to another stack."),
    "demo": ("luminora.cli.demo:demo", "Watch a companion remember, without any setup."),
    "doctor": ("luminora.cli.doctor:doctor", "Look for what is wrong, and mend it."),
    "episodes": ("luminora.cli.episodes:episodes", "Show the moments worth remembering."),
    "explain": ("luminora.cli.explain:explain", "Show what would be recalled, and why."),
    "facts": ("luminora.cli.facts:facts", "Show, note and mend what is known about a user."),
    "forget": ("luminora.cli.forget:forget", "Delete what is remembered about a user."),
    "health": ("luminora.cli.health:health", "Ask every provider how it is."),
    "history": ("luminora.cli.memory:history", "Show what was said last."),
    "import": ("luminora.cli.imports:import_", "Read in conversations held elsewhere."),
    "jobs": ("luminora.cli.jobs:jobs", "Look at background work, and mend it."),
    "memory": ("luminora.cli.sources:memory", "See where memories came from, and revoke them."),
    "migrate": ("luminora.cli.migrate:migrate", "Create or upgrade the database's tables."),
    "mood": ("luminora.cli.relationship:mood", "Show a companion's mood."),
    "personality": ("luminora.cli.personality:personality", "List, check and try personalities."),
    "plugins": ("luminora.cli.plugins:plugins", "List, check and switch plugins."),
    "reembed": ("luminora.cli.reindex:reembed", "Rebuild the index with another embedding model."),
    "reindex": ("luminora.cli.reindex:reindex", "Index the messages that still wait for it."),
    "schema": ("luminora.cli.schema:schema", "Write the schema of luminora.json for editors."),
    "search": ("luminora.cli.search:search", "Search what is remembered."),
    "snapshot": ("luminora.cli.snapshot:snapshot", "Put a user into a file, and back anywhere."),
    "test": ("luminora.cli.connection:test", "Try one part of the stack."),
    "test-connection": (
        "luminora.cli.connection:test_connection",
        "Try every part of the stack in earnest.",
    ),
    "worker": ("luminora.cli.jobs:worker", "Do background work, beside any number of others."),
}
"""Every command: where it lives, and its line in the help."""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code; ``argv`` is the command line without the program."""
    arguments = sys.argv[1:] if argv is None else argv
    completing = any(name.startswith("_LUMINORA") for name in os.environ)  # click's business
    if arguments[:1] in (["--version"], ["-V"]):
        from luminora._version import __version__

        return _say(f"luminora {__version__}")
    if arguments[:1] in ([], ["--help"], ["-h"]) and not completing:
        return _say(help_text())
    from luminora.cli._run import run

    return run(arguments)


def help_text() -> str:
    """What ``luminora --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: luminora [OPTIONS] COMMAND [ARGS]...",
            "",
            "  AI companions that remember, on whatever stack you already have.",
            "",
            "Commands:",
            *lines,
            "",
            "Options:",
            "  -V, --version  Show the version.",
            "  -h, --help     Show this; 'luminora COMMAND --help' tells more.",
            "",
            "Start with:  luminora demo",
            "Plugins may add commands of their own:  luminora plugins list",
        ]
    )


def _say(text: str) -> int:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        hush()
    return 0


def hush() -> None:
    """Nobody reads our output any more: say nothing of it, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
