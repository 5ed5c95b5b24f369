"""The ``luminora`` command.

``--version`` and ``--help`` are answered here, before click is imported; every other command
lives in a module of its own that is imported when the command is typed.

Exit codes: 0 ok · 1 failed · 2 usage · 3 configuration invalid · 4 credentials missing ·
5 schema pending or dirty · 6 lock timeout · 130 interrupted (``luminora help exit-codes``).
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
    "benchmark": ("luminora.cli.benchmark:benchmark", "Measure your own stack, step by step."),
    "chat": ("luminora.cli.chat:chat", "Talk with a companion."),
    "classify": (
        "luminora.cli.classify:classify",
        "Say what messages are about and how they count.",
    ),
    "completion": (
        "luminora.cli.completion:completion",
        "Complete commands in bash, zsh or fish.",
    ),
    "config": ("luminora.cli.config:config", "Show, check and change luminora.json."),
    "copy": ("luminora.cli.copy:copy", "Copy everything remembered to another stack."),
    "demo": ("luminora.cli.demo:demo", "Watch a companion remember, without any setup."),
    "doctor": ("luminora.cli.doctor:doctor", "Look for what is wrong, and mend it."),
    "episodes": ("luminora.cli.episodes:episodes", "Show the moments worth remembering."),
    "explain": ("luminora.cli.explain:explain", "Show what would be recalled, and why."),
    "facts": ("luminora.cli.facts:facts", "Show, note and mend what is known about a user."),
    "forget": ("luminora.cli.forget:forget", "Delete what is remembered about a user."),
    "health": ("luminora.cli.health:health", "Ask every provider how it is."),
    "help": ("luminora.cli.completion:help_", "Explain a command, or the exit codes."),
    "history": ("luminora.cli.memory:history", "Show what was said last."),
    "import": ("luminora.cli.imports:import_", "Read in conversations held elsewhere."),
    "info": ("luminora.cli.info:info", "Look at the embeddings, the tables, the configuration."),
    "init": ("luminora.cli.init:init", "Set up your stack, step by step."),
    "jobs": ("luminora.cli.jobs:jobs", "Look at background work, and mend it."),
    "load-personality": (
        "luminora.cli.load:load_personality",
        "Make a persona file or character card usable by name.",
    ),
    "memory": ("luminora.cli.sources:memory", "See where memories came from, and revoke them."),
    "messages": ("luminora.cli.messages:messages", "Look at single messages, and mend them."),
    "migrate": ("luminora.cli.migrate:migrate", "Create or upgrade the database's tables."),
    "mood": ("luminora.cli.relationship:mood", "Show a companion's mood."),
    "personality": ("luminora.cli.personality:personality", "List, check and try personalities."),
    "plugins": ("luminora.cli.plugins:plugins", "List, check and switch plugins."),
    "reembed": ("luminora.cli.reindex:reembed", "Rebuild the index with another embedding model."),
    "reindex": ("luminora.cli.reindex:reindex", "Index the messages that still wait for it."),
    "schema": ("luminora.cli.schema:schema", "Write the schema of luminora.json for editors."),
    "search": ("luminora.cli.search:search", "Search what is remembered."),
    "sessions": ("luminora.cli.sessions:sessions", "List conversations, look into one, or end it."),
    "snapshot": ("luminora.cli.snapshot:snapshot", "Put a user into a file, and back anywhere."),
    "stats": ("luminora.cli.stats:stats", "Count what is remembered."),
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
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(arguments)
    except KeyboardInterrupt:  # while something is still being imported
        sys.stderr.write("interrupted\n")
        return 130


def _main(arguments: list[str]) -> int:
    completing = "_LUMINORA_COMPLETE" in os.environ  # click's business
    if arguments[:1] in (["--version"], ["-V"]):
        from luminora._version import __version__

        return _say(f"luminora {__version__}")
    if arguments == ["--no-color"]:
        arguments = ["--help", "--no-color"]
    if not completing and (not arguments or arguments[0] in {"--help", "-h", "help"}):
        from luminora.cli import _overview

        if arguments[1:] == ["exit-codes"]:
            return _say(_overview.exit_codes_text())
        if not (arguments[1:] and arguments[0] == "help"):
            return _say(_overview.help_text(plain="--no-color" in arguments))
    from luminora.cli._run import run

    return run(arguments)


def _say(text: str) -> int:
    from luminora.cli import _terminal

    _terminal.prepare()
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        hush()
    return 0


def hush() -> None:
    """Nobody reads our output any more: say nothing of it, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
