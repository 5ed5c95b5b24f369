"""The checks of ``luminora doctor`` that look into the database, and those of connections."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from luminora.doctor import Check, Finding, Mend, Patient, good, ill, several
from luminora.errors import LuminoraError
from luminora.memory.clock import now
from luminora.memory.indexes import PENDING, misfit
from luminora.memory.jobs import DEAD, READY, JobQueue
from luminora.migrations import MigrationRunner
from luminora.migrations.ledger import State
from luminora.providers import EVERY_USER, Is, Kind, Status, StorageProvider

_SKEW: Final = timedelta(seconds=5)
_WRONG: Final = timedelta(minutes=5)
_LATE: Final = timedelta(hours=1)


async def database(patient: Patient) -> list[Finding]:
    """Whether it can be reached."""
    return [await patient.database()]


async def schema(patient: Patient) -> list[Finding]:
    """Whether the tables are those of this version."""
    runner = _runner(patient, await _open(patient))
    standing = await runner.status()
    found: list[Finding] = []
    for line in standing.having(State.DIRTY):
        text = f"the migration {line.label} was begun and never finished"
        cause = (line.entry.error if line.entry else None) or "it was interrupted"
        fix = "luminora migrate --status, then luminora migrate --resolve applied|rolled-back"
        found.append(Finding(Status.ERROR, text, cause, fix, "migrations"))
    for line in standing.having(State.EDITED, State.MISSING, State.OUT_OF_ORDER):
        text = f"the migration {line.label} has drifted: {line.state.value}"
        found.append(Finding(Status.ERROR, text, "", "luminora migrate --status", "migrations"))
    found += [Finding(Status.WARNING, text, doc="migrations") for text in standing.warnings]
    if waiting := standing.pending:
        found.append(_pending(patient, runner, len(waiting), sound=standing.sound))
    count = len(standing.lines)
    return found or [good(f"all {count} migrations are applied" if count else "none are needed")]


def _pending(patient: Patient, runner: MigrationRunner, count: int, *, sound: bool) -> Finding:
    async def migrate() -> str:
        outcome = await runner.migrate()
        patient.migrated()
        return f"applied {several(len(outcome.done), 'migration')}"

    question = f"Apply {several(count, 'pending migration')} to the database?"
    return Finding(
        Status.WARNING,
        f"{several(count, 'migration')} pending",
        "the tables are not yet those of this version",
        "luminora migrate",
        "migrations",
        Mend(migrate, question) if sound else None,
    )


def _runner(patient: Patient, storage: StorageProvider) -> MigrationRunner:
    assert patient.config is not None  # noqa: S101 - the check needs it
    assert patient.activation is not None  # noqa: S101
    sets = patient.activation.migration_sets()
    return MigrationRunner.for_config(
        patient.config, storage, patient.provider(Kind.EMBEDDING), sets
    )


async def _open(patient: Patient) -> StorageProvider:
    storage = await patient.storage()
    assert storage is not None  # noqa: S101 - the check needs it
    return storage


async def dimension(patient: Patient) -> list[Finding]:
    """Whether the vectors that are kept are of the configured embedding model."""
    storage = await _open(patient)
    embedding = patient.provider(Kind.EMBEDDING)
    if why := await misfit(storage, embedding):
        text, _, hint = why.partition("\n  → ")
        return [Finding(Status.ERROR, text, "search by meaning is off", hint, "migrations")]
    rows = await storage.find("embedding_state", EVERY_USER)
    active = [row for row in rows if row["status"] == "active"]
    if not active:
        return [good("no vectors yet: any embedding model will do")]
    return [good(f"vectors of {active[0]['dimension']} dimensions, model {active[0]['model']}")]


async def clocks(patient: Patient) -> list[Finding]:
    """Whether the database server agrees on the time, and nothing is dated in the future."""
    storage = await _open(patient)
    found = []
    before = now()
    theirs = await storage.server_time()
    if theirs is not None:
        skew = theirs - (before + (now() - before) / 2)
        seconds = skew.total_seconds()
        text = f"the database server's clock is {abs(seconds):.0f} s {_way(seconds)} of this one"
        if abs(skew) >= _SKEW:
            status = Status.ERROR if abs(skew) >= _WRONG else Status.WARNING
            cause = "leases of jobs and the order of memories depend on it"
            found.append(Finding(status, text, cause, "synchronise both with NTP"))
        else:
            found.append(good(f"the database server's clock agrees (within {abs(seconds):.1f} s)"))
    ahead = await storage.count("messages", EVERY_USER, {"timestamp": Is(">", now() + _WRONG)})
    if ahead:
        text = f"{several(ahead, 'message')} dated in the future"
        cause = "a clock was wrong, or they were imported so"
        found.append(Finding(Status.WARNING, text, cause, "check the clocks of all machines"))
    return found or [good("nothing is dated in the future")]


def _way(seconds: float) -> str:
    return "ahead" if seconds > 0 else "behind"


async def jobs(patient: Patient) -> list[Finding]:
    """Whether background work is done, and none was given up."""
    storage = await _open(patient)
    queue = JobQueue(storage)
    counts = await queue.counts()
    found = []
    if counts[DEAD]:
        (first,) = await queue.look(DEAD, 1) or [{}]

        async def retry() -> str:
            return f"{several(await queue.revive(), 'job')} will be tried again"

        found.append(
            Finding(
                Status.WARNING,
                f"{several(counts[DEAD], 'job')} given up",
                (first.get("last_error") or "").partition("\n")[0],
                "luminora jobs --status dead, then luminora jobs --retry-all",
                "analysis",
                Mend(retry, f"Try {several(counts[DEAD], 'job')} again?"),
            )
        )
    late = await storage.count(
        "jobs", EVERY_USER, {"status": READY, "run_at": Is("<", now() - _LATE)}
    )
    if late:
        text = f"{several(late, 'job')} due for more than an hour"
        found.append(
            Finding(Status.WARNING, text, "no worker does them", "luminora worker", "analysis")
        )
    waiting = counts[READY]
    return found or [
        good(f"{several(waiting, 'job')} waiting" if waiting else "no jobs are waiting")
    ]


async def index(patient: Patient) -> list[Finding]:
    """Whether every message can be found by its meaning."""
    storage = await _open(patient)
    count = await storage.count("messages", EVERY_USER, {"embedding_state": PENDING})
    if not count:
        return [good("every message is indexed")]

    async def reindex() -> str:
        from luminora.client import LuminoraCoreClient  # noqa: PLC0415 - only who mends
        from luminora.stack import Stack  # noqa: PLC0415

        assert patient.config is not None  # noqa: S101
        client = LuminoraCoreClient(Stack.build(patient.config))
        try:
            return f"indexed {several(await client.reindex(), 'message')}"
        finally:
            await client.aclose()

    text = f"{several(count, 'message')} not indexed"
    cause = "the embedding provider or the vector store was down as they were said"
    return [Finding(Status.WARNING, text, cause, "luminora reindex", "memory", Mend(reindex))]


async def connections(patient: Patient) -> list[Finding]:
    """Whether every provider answers."""
    from luminora.checkup import check_stack  # noqa: PLC0415 - builds them all

    assert patient.config is not None  # noqa: S101 - the check needs it
    found = []
    try:
        checks = await check_stack(patient.config, within=patient.within)
    except LuminoraError as problem:
        return [ill(problem)]
    known = await _known_ill(patient)
    for part, result in checks.items():
        if part in known:
            continue
        text, _, hint = result.detail.partition("→ ")
        word = {"embedding": "embeddings", "vector_store": "vector-store"}.get(part, part)
        fix = hint.strip() or f"luminora test {word}"
        what = f"{part.replace('_', ' ')}: {text.strip()}"
        status = result.status
        if part == "storage" and result.data.get("missing_tables"):
            continue  # the schema's check tells
        absent = not result.data and status is Status.WARNING and "does not exist yet" in text
        if status is Status.OK or absent:
            found.append(good(what))
        else:
            found.append(Finding(status, what, "", fix, "operating"))
    return found


async def _known_ill(patient: Patient) -> set[str]:
    """The parts of which an earlier check has said that they cannot work."""
    from luminora.schema import validate  # noqa: PLC0415 - loads the JSON Schema validator

    assert patient.config is not None  # noqa: S101 - the check needs it
    found: set[str] = set()
    if "config" in patient.told:
        pointers = [one.pointer for one in validate(patient.config) if one.pointer]
        found |= {pointer.split("/")[1].removesuffix("_provider") for pointer in pointers}
    if "database" in patient.told and (await patient.database()).status is Status.ERROR:
        found.add("storage")
    return found


DATABASE_CHECKS: Final = (
    Check("database", "Database", "it can be reached", database, "config"),
    Check("schema", "Database", "its tables are of this version", schema, "storage"),
    Check("dimension", "Database", "vectors are of the configured model", dimension, "tables"),
    Check("clocks", "Database", "its clock agrees with this one", clocks, "tables"),
    Check("jobs", "Database", "background work is done", jobs, "tables"),
    Check("index", "Database", "every message is indexed", index, "tables"),
)
"""Those that need no more than the database."""
