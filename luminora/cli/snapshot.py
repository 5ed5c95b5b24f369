"""``luminora snapshot``: everything about a user in one file, and back into any stack."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from luminora.cli._ask import attended
from luminora.cli._companion import Who, opened, plain
from luminora.cli.output import (
    Group,
    config_options,
    emit_json,
    json_option,
    note,
    progress,
    run_async,
    say,
    table,
)
from luminora.errors import CredentialsMissing, InputError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.snapshots.age import Lock
    from luminora.snapshots.examine import SnapshotInfo
    from luminora.snapshots.restore import Restored

_T = TypeVar("_T")
_PLAIN = re.compile(r"[^\w.-]+")


@click.group(cls=Group)
def snapshot() -> None:
    """Put everything about a user into a file, and a file back into any stack.

    Example: luminora snapshot export --user diego --output diego.jsonl.gz
    """


def _passphrase_option(command: Callable[..., _T]) -> Callable[..., _T]:
    return click.option(
        "--passphrase-env", metavar="NAME", help="The environment variable with the passphrase."
    )(command)


def _key_options(command: Callable[..., _T]) -> Callable[..., _T]:
    """Add FILE and what unlocks it; the command gets them as ``file`` and ``lock``."""

    @click.argument("file")
    @_passphrase_option
    @click.option("--identity", metavar="FILE", multiple=True, help="A private key's file.")
    @functools.wraps(command)
    def with_lock(
        *args: Any, file: str, passphrase_env: str | None, identity: Sequence[str], **rest: Any
    ) -> _T:
        lock = _unlocking(file, passphrase_env, identity)
        return command(*args, file=file, lock=lock, **rest)

    return with_lock


@snapshot.command()
@click.option("--user", metavar="NAME", help="Whose memories; your login name if left out.")
@click.option("--session", metavar="ID", help="One conversation and what it draws on, not all.")
@click.option("--output", metavar="FILE", help="Where to; .gz compresses. Made up if left out.")
@click.option("--encrypt", is_flag=True, help="Lock it with a passphrase, which is asked for.")
@_passphrase_option
@click.option("--recipient", metavar="KEY", multiple=True, help="Lock it for age1… or ssh-….")
@click.option("--redact", metavar="RULE", multiple=True, help="Mask or leave out; see below.")
@click.option("--vectors", is_flag=True, help="Bring the vectors, for the same embedding model.")
@config_options
@json_option
def export(
    config: Config,
    user: str | None,
    session: str | None,
    output: str | None,
    recipient: Sequence[str],
    redact: Sequence[str],
    *,
    encrypt: bool,
    passphrase_env: str | None,
    vectors: bool,
    as_json: bool,
) -> None:
    """Write a user or a conversation into a file.

    Messages, facts and their history, episodes, affinity, moods, and the personas they speak with.

    --redact may be repeated: user (the user's id), contacts (addresses and numbers), texts (what
    was said), private, sensitive (messages so classified), episodes, facts, facts:CATEGORY.

    Encrypted files have the age format; "age -d FILE" reads them too.

    Example: luminora snapshot export --user diego --output diego.jsonl.gz.age --encrypt
    """
    passphrase = _new_passphrase(passphrase_env, asked=encrypt and not recipient)
    owner = user if session is not None else Who(user).user_id
    locked = passphrase is not None or bool(recipient)
    path = Path(output) if output else _made_up(owner or session or "", locked=locked)
    options = {"vectors": vectors, "redact": list(redact)}

    async def work() -> SnapshotInfo:
        with progress("Exporting", "rows", quiet=as_json) as advance:
            async with opened(config) as (client, _):
                return await client.export_snapshot_to(
                    path,
                    user_id=owner,
                    session_id=session,
                    include_options=options,
                    passphrase=passphrase,
                    recipients=recipient,
                    on_progress=advance,
                )

    info = run_async(work())
    if as_json:
        emit_json({"file": str(path), **plain(info)})
        return
    say(f"{sum(info.counts.values()):,} rows of '{info.header['user_id']}' written to {path}")
    if not locked:
        note("it is not encrypted: whoever has the file can read it (--encrypt)")


@snapshot.command("import")
@_key_options
@click.option("--user", metavar="NAME", help="Whose it becomes; your login name if left out.")
@click.option("--personality", metavar="NAME", help="Whose memory it becomes, by name or path.")
@config_options
@json_option
def import_(
    config: Config,
    file: str,
    lock: Lock,
    user: str | None,
    personality: str | None,
    *,
    as_json: bool,
) -> None:
    """Read a snapshot in, all of it or nothing.

    It may be for any user, and from any stack. It becomes a copy with ids of its own. What the
    user has already stays as it is. Importing the same snapshot again does nothing.

    Example: luminora snapshot import diego.jsonl.gz --user diego
    """
    who = Who(user, personality)

    async def work() -> Restored:
        with progress("Importing", "rows", quiet=as_json) as advance:
            async with opened(config) as (client, _):
                return await client.restore_snapshot(
                    file,
                    who.user_id,
                    personality=who.persona,
                    passphrase=lock.passphrase,
                    identities=lock.identities,
                    on_progress=advance,
                )

    done = run_async(work())
    if as_json:
        emit_json({"user_id": who.user_id, **plain(done)})
        return
    if done.known:
        say(f"this snapshot was imported before (session {done.session_id})")
        return
    table(
        ("Collection", "Imported", "Kept"),
        [
            (name, f"{done.written.get(name, 0):,}", f"{done.kept.get(name, 0):,}")
            for name in {**done.written, **done.kept}
        ],
    )
    say(f"✓ '{who.user_id}' goes on in session {done.session_id}")
    if done.pending:
        note(f"{done.pending:,} messages cannot be found by meaning yet: luminora reindex")


@snapshot.command()
@_key_options
@json_option
def inspect(file: str, lock: Lock, *, as_json: bool) -> None:
    """Show what a snapshot says of itself.

    Only its beginning is read, and nothing checked.

    Example: luminora snapshot inspect diego.jsonl.gz
    """
    from luminora.snapshots.examine import header_of
    from luminora.snapshots.files import Source

    header = header_of(Source(file, lock))
    if as_json:
        emit_json({"file": file, "header": header})
        return
    table(("What", "Value"), [(name, _shown(value)) for name, value in header.items()])


@snapshot.command()
@_key_options
@json_option
def verify(file: str, lock: Lock, *, as_json: bool) -> None:
    """Check all of a snapshot.

    It is read to its end, as an import does before it writes anything.

    Example: luminora snapshot verify diego.jsonl.gz
    """
    from luminora.snapshots.examine import examine
    from luminora.snapshots.files import Source

    with progress("Checking", "rows", quiet=as_json) as advance:
        info = examine(Source(file, lock), lambda done: advance(done, done)).info
    if as_json:
        emit_json({"file": file, **plain(info)})
        return
    table(("Group", "Rows"), [(name, f"{count:,}") for name, count in info.counts.items()])
    say(f"✓ whole and sound: sha256 {info.sha256}")


def _new_passphrase(variable: str | None, *, asked: bool) -> str | None:
    if variable is not None:
        return _from_environment(variable)
    if not asked:
        return None
    if not attended():
        raise click.UsageError("there is nobody to ask for a passphrase: use --passphrase-env NAME")
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _unlocking(file: str, variable: str | None, identity: Sequence[str]) -> Lock:
    from luminora.snapshots.age import Lock, wants_passphrase

    passphrase = None if variable is None else _from_environment(variable)
    if passphrase is None and wants_passphrase(_head(file)) and attended():
        passphrase = click.prompt("Passphrase", hide_input=True, err=True)
    return Lock(passphrase, identities=[_key_text(name) for name in identity])


def _from_environment(variable: str) -> str:
    passphrase = os.environ.get(variable)
    if not passphrase:
        raise CredentialsMissing(
            f"the environment variable {variable:.80} is not set or empty",
            hint=f"export {variable:.80}=… with the passphrase",
        )
    return passphrase


def _head(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened_file:
            return opened_file.read(128)
    except (OSError, ValueError):
        return b""  # reading it says what is wrong


def _key_text(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not text"
        raise InputError(f"cannot be read: {reason}", where=file) from None


def _made_up(name: str, *, locked: bool) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    own = _PLAIN.sub("-", name)[:80].strip(".-") or "snapshot"
    return Path(f"luminora-{own}-{stamp}.jsonl.gz{'.age' if locked else ''}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
