"""What may ail an installation: the model of ``luminora doctor``, and how its checks are run.

A check looks at one thing and returns findings. Whatever is broken - the configuration, a plugin,
the database, the home folder - becomes a finding; no check that fails stops the others. Plugins
add findings of their own through the hook ``luminora_doctor``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from luminora.errors import LuminoraError
from luminora.providers import Kind, ProviderContext, Status, StorageProvider

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.plugins import Activation, Distribution

__all__ = ["Check", "Finding", "Mend", "Patient", "Status", "examine", "mend"]

_WORSE = (Status.OK, Status.WARNING, Status.ERROR)
PLUGINS = "plugin-findings"
"""The name of the check that asks the plugins."""


@dataclass(frozen=True, slots=True)
class Mend:
    """What ``luminora doctor --fix`` may do about a finding.

    Attributes:
        act: Does it, and returns what it did.
        confirm: A question to ask first; None for what harms nothing whatever the answer.
    """

    act: Callable[[], Awaitable[str]]
    confirm: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        status: Fine, fine with a reservation, or not fine.
        what: What was found, in one line.
        cause: Why it is so, or what follows from it.
        fix: The command that mends it, or else what to do.
        doc: The page of the documentation that tells more, as in ``"migrations"``.
        mend: What may be done without anybody's help.
        check: The check's name; filled in by who runs it.
        fixed: Whether it was mended.
    """

    status: Status
    what: str
    cause: str = ""
    fix: str | None = None
    doc: str | None = None
    mend: Mend | None = None
    check: str = ""
    fixed: bool = False


def good(what: str) -> Finding:
    """A finding that all is well."""
    return Finding(Status.OK, what)


def several(count: int, noun: str) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def ill(problem: LuminoraError, status: Status = Status.ERROR, doc: str | None = None) -> Finding:
    """An error as a finding."""
    return Finding(status, problem.message, problem.where or "", problem.hint, doc)


@dataclass(slots=True)
class Patient:
    """What is examined.

    Attributes:
        config: The configuration; None if it cannot be read.
        trouble: Why not.
        within: Longest wait for a server, in seconds.
        told: The checks that have been run; a later one need not repeat them.
    """

    config: Config | None = None
    trouble: Exception | None = None
    within: float = 10.0
    told: set[str] = field(default_factory=set)
    _activation: Activation | None = None
    _storage: StorageProvider | None = None
    _database: Finding | None = None
    _empty: bool = False
    _closing: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, load: Callable[[], Config], within: float = 10.0) -> Patient:
        """The patient whose configuration ``load`` reads, if it can be read at all."""
        try:
            return cls(load(), within=within)
        except Exception as problem:  # noqa: BLE001 - a folder that is gone, a home that is none
            return cls(None, problem, within)

    @property
    def activation(self) -> Activation | None:
        """The configured plugins, imported; None without a configuration."""
        if self._activation is None and self.config is not None:
            from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

            self._activation = activate(self.config)
        return self._activation

    async def database(self) -> Finding:
        """How the database is; it is connected to the first time, and never created."""
        if self._database is None:
            try:
                async with asyncio.timeout(self.within):
                    self._database = await self._connected()
            except TimeoutError:
                self._database = Finding(
                    Status.ERROR,
                    f"the database did not answer within {self.within:g} seconds",
                    fix="luminora test storage",
                    doc="databases",
                )
            except LuminoraError as problem:
                self._database = ill(problem, doc="databases")
        return self._database

    async def storage(self, *, tables: bool = False) -> StorageProvider | None:
        """The storage, connected; None if there is no database, or no ``tables``, to look at."""
        await self.database()
        return None if tables and self._empty else self._storage

    def migrated(self) -> None:
        """Take note that the database has its tables now."""
        self._empty = False

    def provider(self, kind: Kind) -> Any:
        """A provider of the configuration, not connected; closed with the patient."""
        if self.activation is None:
            raise LuminoraError("there is no configuration")
        provider = self.activation.build(kind, storage=self._storage)
        self._closing.append(provider)
        return provider

    async def aclose(self) -> None:
        """Let go of everything that was opened."""
        for provider in reversed(self._closing):
            try:
                async with asyncio.timeout(self.within):
                    await provider.aclose()
            except Exception:  # noqa: BLE001, S112 - what does not want to end is left alone
                continue

    async def _connected(self) -> Finding:
        storage: StorageProvider = self.provider(Kind.STORAGE)
        said = await storage.check()
        if not said.data and said.status is Status.WARNING:
            return good(f"no database yet; the first message makes it ({storage.name})")
        if not said.data.get("missing_tables") and said.status is Status.ERROR:
            await storage.connect()  # its error says more
            return Finding(Status.ERROR, said.detail, fix="luminora test storage", doc="databases")
        await storage.connect()
        self._storage = storage
        self._empty = bool(said.data.get("missing_tables"))
        if said.status is Status.OK or self._empty:
            return good(f"{storage.name} answers")
        return Finding(said.status, said.detail, doc="databases")


Look = Callable[[Patient], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: What the command line calls it.
        group: The heading it stands under.
        about: A line for ``--list-checks``.
        look: Looks, and returns findings.
        needs: ``"config"``, ``"storage"`` or its ``"tables"``: without, there is nothing to see.
    """

    name: str
    group: str
    about: str
    look: Look
    needs: str | None = None


async def examine(
    patient: Patient, checks: Sequence[Check], names: Collection[str] = ()
) -> AsyncIterator[tuple[Check, list[Finding]]]:
    """Run the checks in order, or only those named; a check that fails is a finding itself."""
    for check in checks:
        if not names or check.name in names:
            found = await _looked(patient, check)
            patient.told.add(check.name)
            yield check, [replace(one, check=check.name) for one in found]


async def _looked(patient: Patient, check: Check) -> Sequence[Finding]:
    try:
        if check.needs and patient.config is None:
            return []
        inside = check.needs in {"storage", "tables"}
        if inside and await patient.storage(tables=check.needs == "tables") is None:
            return []
        async with asyncio.timeout(patient.within * 3):
            return await check.look(patient)
    except TimeoutError:
        return [Finding(Status.ERROR, f"'{check.name}' took too long to look at")]
    except LuminoraError as problem:
        return [ill(problem)]
    except Exception as problem:  # noqa: BLE001 - whatever is broken becomes a finding
        text = f"'{check.name}' could not be looked at: {type(problem).__name__}: {problem}"
        return [Finding(Status.ERROR, text)]


async def mend(finding: Finding) -> Finding:
    """Do what may be done about a finding; the finding as it is afterwards."""
    if finding.mend is None:
        return finding
    try:
        done = await finding.mend.act()
    except (LuminoraError, OSError) as problem:
        return replace(finding, cause=f"it could not be mended: {problem}")
    return replace(finding, status=Status.OK, what=done, cause="", fix=None, mend=None, fixed=True)


async def of_plugins(patient: Patient) -> list[Finding]:
    """What the configured plugins say of themselves; one that fails to is a finding."""
    active, config = patient.activation, patient.config
    if active is None or config is None:
        return []
    context = ProviderContext(
        data_dir=config.data_dir,
        env=config.env,
        base_dir=config.base_dir,
        table_prefix=config.document["migrations"]["table_prefix"],
    )
    found: list[Finding] = []
    for owner, answer in active.examined(config.document, context):
        fix = f"pip install -U {owner.name}"
        if isinstance(answer, LuminoraError):
            found.append(Finding(Status.ERROR, f"{owner}: {answer.message}", fix=fix))
            continue
        try:
            async with asyncio.timeout(patient.within):
                said = list(await answer if isawaitable(answer) else answer)
        except TimeoutError:
            what = f"{owner}: luminora_doctor did not answer in time"
            found.append(Finding(Status.ERROR, what, fix=fix))
        except Exception as problem:  # noqa: BLE001 - a plugin is anybody's code
            what = f"{owner}: luminora_doctor failed with {type(problem).__name__}: {problem}"
            found.append(Finding(Status.ERROR, what, fix=fix))
        else:
            found += [_of_plugin(owner, one) for one in said]
    return found


def _of_plugin(owner: Distribution, one: Any) -> Finding:
    if isinstance(one, Finding):
        return replace(one, what=f"{owner.name}: {one.what}")
    what = f"{owner}: luminora_doctor answers findings, not {type(one).__name__}"
    return Finding(Status.ERROR, what, doc="plugins")


def worst(findings: Collection[Finding]) -> Status:
    """The worst status among them."""
    return max((one.status for one in findings), key=_WORSE.index, default=Status.OK)
