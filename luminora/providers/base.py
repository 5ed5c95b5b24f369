"""What every provider has, whatever its kind: a name, a check, an end."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from luminora.errors import CredentialsMissing

if TYPE_CHECKING:
    from types import TracebackType

    from luminora.providers.storage import StorageProvider


class Kind(StrEnum):
    """The five kinds of provider; the values are the manifest's and the hooks' spelling."""

    LLM = "llm"
    EMBEDDING = "embedding"
    STORAGE = "storage"
    VECTOR_STORE = "vector_store"
    CACHE = "cache"

    @property
    def section(self) -> str:
        """The section of ``luminora.json`` that names the provider, as in ``llm_provider``."""
        return f"{self.value}_provider"


class Capability(StrEnum):
    """How far a provider supports a feature, so that "bug" and "unsupported" cannot be confused."""

    FULL = "full"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"
    NOT_IMPLEMENTED = "not_implemented"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """Outcome of a check: it works, it works with a reservation, it does not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a provider says of its own health.

    Attributes:
        status: Whether it can be used now.
        detail: One line for people.
        latency_ms: Milliseconds the check's own request took, if it made one.
        data: Facts for machines: model, dimension, server version, tables …; never secrets.
    """

    status: Status
    detail: str = ""
    latency_ms: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """What the kernel hands a plugin beside the provider's own ``config``.

    Attributes:
        data_dir: Folder of the embedded default; a provider that keeps files puts them below it
            when its config names no path. It may not exist yet.
        env: The environment with the project's ``.env`` beneath it (real variables win).
        base_dir: Folder that relative paths in the config are relative to.
        storage: The storage provider in use, for a vector store that shares its connection.
        table_prefix: What the tables' names begin with, from ``migrations.table_prefix``.
        build: Builds another provider of the same kind from a section (``name``, ``config``,
            ``package``), for providers that are made of providers.
    """

    data_dir: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    base_dir: Path = field(default_factory=Path.cwd)
    storage: StorageProvider | None = None
    table_prefix: str = ""
    build: Callable[[Mapping[str, Any]], Any] | None = field(default=None, repr=False)

    def secret(self, variable: str, *, provider: str) -> str:
        """The value of the environment variable that holds a secret.

        Raises:
            CredentialsMissing: It is unset, empty, or holds a line break.
        """
        value = self.env.get(variable, "")
        if not value.strip():
            raise CredentialsMissing(
                f"the environment variable {variable}, which provider '{provider}' reads its "
                f"secret from, is {'empty' if variable in self.env else 'not set'}",
                hint=f"export {variable}=… (or add the line to .env) and try again",
            )
        if any(mark in value for mark in "\r\n\0"):
            raise CredentialsMissing(
                f"the environment variable {variable} holds a line break, which no key contains",
                hint=f"set {variable} again without the line break",
            )
        return value.strip()

    def path(self, configured: str | None, default: str) -> Path:
        """``configured`` relative to ``base_dir``, or ``default`` below ``data_dir``."""
        if configured:
            return self.base_dir / Path(configured).expanduser()
        return self.data_dir / default


class Provider(ABC):
    """Base of the five contracts.

    Attributes:
        name: The name the config uses for it, such as ``"sqlite"``.
    """

    name: str

    @abstractmethod
    async def check(self) -> CheckResult:
        """Say whether the provider can be used now; report a failure, never raise one."""

    async def aclose(self) -> None:  # noqa: B027 - most providers hold nothing open
        """Release connections and threads; calling it twice is harmless."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
