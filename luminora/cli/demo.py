"""``luminora demo``: a companion that remembers, on real input, in separate processes.

Every conversation below is a ``luminora chat`` of its own, started and ended: what the next one
knows can only come from the file between them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from luminora.cli._companion import printable, quoted, value_text
from luminora.cli.output import note, say
from luminora.cli.search import reasons
from luminora.errors import LuminoraError

_SECONDS = 60.0
_MOST_MEMORIES = 2


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the demonstration: what is said in it, and what that is to show."""

    shows: str
    lines: tuple[str, ...]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A demonstration in one language."""

    language: str
    personality: str
    user: str
    processes: tuple[Process, ...]
    probe: str


SPANISH = Script(
    language="es",
    personality="sakura",
    user="carlos",
    processes=(
        Process("Carlos introduces himself", ("Me llamo Carlos, voy al Himalaya",)),
        Process("who is who", ("¿Cómo te llamas?",)),
        Process("a doubt, and the question itself", ("Vaya, ¿no lo sabes?", "¿Cómo me llamo?")),
        Process("a new conversation, the same person", ("¿Adónde voy a viajar?",), new=True),
    ),
    probe="¿Qué tal estás?",
)
ENGLISH = Script(
    language="en",
    personality="cassian",
    user="emma",
    processes=(
        Process("Emma introduces herself", ("My name is Emma and I'm going to the Himalayas",)),
        Process("who is who", ("What's your name?",)),
        Process("a doubt, and the question itself", ("Oh, don't you know?", "What's my name?")),
        Process("a new conversation, the same person", ("Where am I going?",), new=True),
    ),
    probe="How are you?",
)
SCRIPTS = {script.language: script for script in (SPANISH, ENGLISH)}


@click.command()
@click.option("--personality", metavar="NAME", help="Another companion, in its own language.")
@click.option("--lang", type=click.Choice(["es", "en"]), help="Only this language; else both.")
@click.option("--keep", is_flag=True, help="Keep the files, to go on with the conversation.")
def demo(personality: str | None, lang: str | None, *, keep: bool) -> None:
    """Watch a companion remember, across processes, without any setup.

    Everything happens in a folder of its own, with the embedded default, whatever your
    luminora.json says: no key, no server, no network. The folder is removed at the end.

    Example: luminora demo --lang es --keep
    """
    scripts = _chosen(personality, lang)
    started = time.perf_counter()
    from luminora.cli import _voices

    folder = Path(tempfile.mkdtemp(prefix="luminora-demo-"))
    try:
        world = _World(folder)
        with ThreadPoolExecutor(len(scripts)) as pool:
            # languages side by side, each one's processes strictly one after the other
            stages = [Stage(script, world, pool) for script in scripts]
            for stage in stages:
                turns = stage.play()
                _voices.show(stage.script.personality, stage.script.probe, turns, folder)
        seconds = time.perf_counter() - started
        processes = sum(len(script.processes) for script in scripts)
        _farewell(folder, scripts[0], f"{processes} processes, {seconds:.1f} s", keep=keep)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _chosen(personality: str | None, lang: str | None) -> list[Script]:
    """The scripts to play, with the companion asked for in the place of the usual one."""
    if personality is None:
        return [SCRIPTS[lang]] if lang else list(SCRIPTS.values())
    from dataclasses import replace

    from luminora.personality import PersonalityLibrary

    persona = PersonalityLibrary().load(personality)
    script = SCRIPTS[lang or ("es" if persona.language.startswith("es") else "en")]
    return [replace(script, personality=persona.slug)]


class _World:
    """An environment in which nothing of the user's own configuration is found."""

    def __init__(self, folder: Path) -> None:
        self._empty = folder / "empty"
        self._empty.mkdir()
        kept = {name: value for name, value in os.environ.items() if "LUMINORA" not in name}
        self._env = {
            **kept,
            "LUMINORA_DATA_DIR": str(folder),
            "XDG_CONFIG_HOME": str(self._empty),
            "PYTHONUTF8": "1",
        }

    def chat(self, script: Script, process: Process) -> list[dict[str, Any]]:
        """Run one ``luminora chat`` and return what it printed.

        Raises:
            LuminoraError: It failed.
        """
        command = [sys.executable, "-P", "-m", "luminora.cli", "chat", "--json"]
        command += [
            "--user",
            script.user,
            "--personality",
            script.personality,
            *(["--new"] if process.new else []),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                input="".join(f"{line}\n" for line in process.lines),
                capture_output=True,
                encoding="utf-8",
                env=self._env,
                cwd=self._empty,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LuminoraError(
                f"a process of the demonstration took more than {_SECONDS:g} seconds",
                hint="luminora health",
            ) from None
        if done.returncode:
            raise LuminoraError(
                f"a process of the demonstration ended with code {done.returncode}: "
                f"{done.stderr.strip()}",
                hint="luminora health",
            )
        return [json.loads(line) for line in done.stdout.splitlines()]


class Stage:
    """One script being played: its processes run ahead while their predecessors are shown.

    Attributes:
        script: What is played.
    """

    def __init__(self, script: Script, world: _World, pool: ThreadPoolExecutor) -> None:
        self.script = script
        self._world = world
        self._done: list[Future[list[dict[str, Any]]]] = [Future() for _ in script.processes]
        pool.submit(self._run)

    def _run(self) -> None:
        for process, done in zip(self.script.processes, self._done, strict=True):
            try:
                done.set_result(self._world.chat(self.script, process))
            except Exception as problem:  # noqa: BLE001 - told by whoever shows it
                for left in self._done:
                    if not left.done():
                        left.set_exception(problem)
                return

    def play(self) -> list[dict[str, Any]]:
        """Print every process's conversation and what it left behind; all turns of it."""
        script = self.script
        say(
            click.style(f"── {script.personality} and {script.user} ({script.language})", bold=True)
        )
        points = 0
        turns = []
        for number, (process, done) in enumerate(
            zip(script.processes, self._done, strict=True), start=1
        ):
            say(click.style(f"\nProcess {number}: {process.shows}", fg="cyan"))
            for turn in done.result():
                _show_turn(turn, points)
                points = turn["affinity"]["points"] if turn["affinity"] else points
                turns.append(turn)
        say()
        return turns


def _show_turn(turn: Mapping[str, Any], points: int) -> None:
    say(f"  {turn['user_id']}: {printable(turn['message'])}")
    say(f"  {click.style(turn['personality'], fg='magenta')}: {printable(turn['reply'])}")
    for line in _behind(turn, points):
        say(click.style(f"      {line}", dim=True))


def _behind(turn: Mapping[str, Any], points: int) -> Iterator[str]:
    """What a turn changed and what its answer could rely on."""
    for fact in turn["facts"]:
        source = f" from {quoted(fact['context'], 60)}" if fact["context"] else ""
        yield (
            f"learned   {fact['key']} = {value_text(fact['value'])} "
            f"({fact['confidence']:.0%} sure){source}"
        )
    for memory in turn["memories"][:_MOST_MEMORIES]:
        yield f"recalled  {quoted(memory['content'], 60)}"
        yield f"          score {memory['score']:.2f}: {reasons(memory['reasons'])}"
    event, closeness = turn["affinity_event"], turn["affinity"]
    if event and closeness:
        why = f": {printable(event['reason'])}" if event["reason"] else ""
        yield (
            f"affinity  {points} → {closeness['points']} ({event['points']:+d}, "
            f"{event['event']}{why}), {closeness['level'].replace('_', ' ')}"
        )
    if turn["mood"]:
        yield f"mood      {turn['mood']['name']}"


def _farewell(folder: Path, script: Script, effort: str, *, keep: bool) -> None:
    say(f"{effort}. No network was used: rules answered, not a language model, and said so.")
    if keep:
        say(f"Everything is in {folder}; go on with:")
        say(
            f"  LUMINORA_DATA_DIR={folder} luminora chat --user {script.user} "
            f"--personality {script.personality}"
        )
    else:
        say(f"The files were in {folder} and are removed now (--keep keeps them).")
        say(f"Your own:  luminora chat --personality {script.personality}")
    note("A language model speaks more freely: name one as llm_provider in luminora.json.")
