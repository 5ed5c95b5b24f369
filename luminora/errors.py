"""Every exception Luminora raises, in one tree.

::

    LuminoraError                       exit code 1
    ├── InputError                      the caller passed something unusable (also a ValueError)
    │   └── SnapshotInvalid             a snapshot is damaged, foreign, or from the future
    ├── SessionNotFound                 no session of that id
    ├── ConfigError                     3  luminora.json is malformed or invalid
    │   └── CredentialsMissing          4  a named environment variable is unset
    ├── PluginError                     3  a plugin is absent, broken or in conflict
    │   ├── ProviderUnknown             no installed plugin offers that provider
    │   ├── PluginBroken                the plugin cannot be loaded or misbehaves
    │   ├── PluginConflict              two distributions offer the same provider
    │   └── PluginNotLocked             the plugin is not what luminora.lock has
    ├── PersonalityError                a persona file is missing or invalid
    │   ├── PersonalityNotFound
    │   └── PersonalityInvalid
    ├── ProviderError                   a provider failed while working
    │   ├── AuthenticationFailed        4  the vendor refused the credentials
    │   ├── PermissionRefused           the credentials lack a right
    │   ├── ResourceNotFound            no such model, index, table …
    │   ├── InvalidRequest              the vendor refused the request itself
    │   ├── ContentFiltered             the vendor refused the content
    │   ├── RateLimited                 retryable, after ``retry_after`` seconds if given
    │   ├── QuotaExceeded               money or quota is used up: never retried
    │   ├── Overloaded                  retryable
    │   ├── ProviderTimeout             retryable
    │   ├── ConnectionFailed            retryable
    │   └── MalformedResponse           the answer cannot be understood
    ├── StorageError                    the database failed
    │   ├── Conflict                    a key exists already, or a compare-and-set lost
    │   ├── StorageUnavailable          retryable: stopped, locked, unreachable
    │   ├── StorageReadOnly             the database cannot be written
    │   ├── StorageFull                 no space is left
    │   └── StorageCorrupt              the file is damaged or is not a database
    ├── DimensionMismatch               5  vectors of one size, an index of another
    └── MigrationError                  5  the schema is pending, dirty or has drifted
        ├── SchemaPending               5
        ├── SchemaDirty                 5
        ├── SchemaDrift                 5  an applied migration was edited, lost or overtaken
        └── MigrationLockTimeout        6

Each carries what happened (``message``), where (``where``: a file and line, a JSON pointer, a
distribution) and what to do next (``hint``). ``exit_code`` is what the ``luminora`` command
returns for it. Messages never hold the value of a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar


class LuminoraError(Exception):
    """Base of all; catch it to catch everything Luminora raises on purpose.

    Args:
        message: What happened and why, in one or two sentences.
        where: The place: ``luminora.json:12 (/llm_provider/name)``, a distribution, a table.
        hint: The next step, preferably a command that can be typed.
    """

    exit_code: ClassVar[int] = 1
    retryable: bool = False

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  → {self.hint}" if self.hint else text


class InputError(LuminoraError, ValueError):
    """An argument cannot be used; nothing was written."""


class SnapshotInvalid(InputError):
    """A snapshot is damaged, breaks its format, or has one that this version cannot read."""


class SessionNotFound(LuminoraError):
    """No session has that id."""


class ConfigError(LuminoraError):
    """The configuration is malformed or does not fit the installed plugins' schemas.

    Args:
        problems: Every single problem, one line each, when there are several.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        problems: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = problems or (message,)


class CredentialsMissing(ConfigError):
    """An environment variable that should hold a secret is unset or empty."""

    exit_code = 4


class PluginError(LuminoraError):
    """A plugin cannot be used."""

    exit_code = 3


class ProviderUnknown(PluginError):
    """No installed and enabled plugin offers the provider the config names."""


class PluginBroken(PluginError):
    """A plugin cannot be imported or registered, or breaks its contract; names the distribution."""


class PluginConflict(PluginError):
    """Two distributions offer the same provider and the config pins neither."""


class PluginNotLocked(PluginError):
    """Plugins are locked, and this one is not in the lock, or not as it is there."""


class PersonalityError(LuminoraError):
    """A persona cannot be used."""


class PersonalityNotFound(PersonalityError):
    """No persona of that name is on the search path."""


class PersonalityInvalid(PersonalityError):
    """A persona file does not fit ``schemas/personality.schema.json``.

    Args:
        problems: Every single problem, one line each.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        problems: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.problems = problems or (message,)


class ProviderError(LuminoraError):
    """A provider failed while working.

    Args:
        provider: Name of the provider, as the config spells it.
        model: Model in use, if any.
        status: HTTP status, if the failure had one.
        code: The vendor's own error code.
        request_id: The vendor's id of the request, for their support.
        retry_after: Seconds to wait before a retry, when the vendor said so.

    Attributes:
        partial_text: What a streamed answer had said before it broke off.
        attempts: What a gateway tried, one by one (:class:`luminora.providers.Attempt`).
        failed: Of many texts to embed, the places of those that failed, and how each did.
        vectors: Of many texts to embed, the vectors that did come, in place; None for the rest.
    """

    partial_text: str = ""
    attempts: tuple[Any, ...] = ()
    failed: Mapping[int, Exception] = MappingProxyType({})
    vectors: Sequence[list[float] | None] = ()

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


def retold(error: Exception, message: str) -> ProviderError:
    """The same failure in other words: its class in this tree, and what it knows of the vendor.

    A plugin may have made its own class beneath ours; what is none of ours becomes the base.
    """
    kind: type[ProviderError] = ProviderError
    for one in type(error).__mro__:
        if one.__module__ == __name__ and issubclass(one, ProviderError):
            kind = one
            break
    known = ("provider", "model", "status", "code", "request_id", "retry_after", "where", "hint")
    return kind(message, **{name: getattr(error, name, None) for name in known})


class AuthenticationFailed(ProviderError):
    """The vendor refused the credentials."""

    exit_code = 4


class PermissionRefused(ProviderError):
    """The credentials are good but lack a right."""


class ResourceNotFound(ProviderError):
    """The vendor knows no such model, index or endpoint."""


class InvalidRequest(ProviderError):
    """The vendor refused the request itself; sending it again will not help."""


class ContentFiltered(ProviderError):
    """The vendor refused the content."""


class RateLimited(ProviderError):
    """Too many requests for now."""

    retryable = True


class QuotaExceeded(ProviderError):
    """Credit or quota is used up; a retry only fails again."""


class Overloaded(ProviderError):
    """The vendor is too busy."""

    retryable = True


class ProviderTimeout(ProviderError):
    """No answer, or no further chunk, within the deadline."""

    retryable = True


class ConnectionFailed(ProviderError):
    """The vendor or server cannot be reached, or hung up."""

    retryable = True


class MalformedResponse(ProviderError):
    """The answer does not have the documented form."""


class StorageError(LuminoraError):
    """The database, vector store or its file failed."""


class Conflict(StorageError):
    """A key exists already, or a compare-and-set found another revision; nothing was written."""


class StorageUnavailable(StorageError):
    """The database is stopped, locked or unreachable; trying again later may work."""

    retryable = True


class StorageReadOnly(StorageError):
    """The database can be read but not written."""


class StorageFull(StorageError):
    """No space is left; what was stored before is intact."""


class StorageCorrupt(StorageError):
    """The file is damaged or is not a database of ours."""


class DimensionMismatch(LuminoraError):
    """Vectors of one dimension or model meet an index of another; nothing was written.

    Args:
        expected: What the index holds.
        found: What the embedding provider yields.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        expected: int | None = None,
        found: int | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.expected = expected
        self.found = found


class MigrationError(LuminoraError):
    """A migration cannot be applied."""

    exit_code = 5


class SchemaPending(MigrationError):
    """The database lacks migrations that this version needs."""


class SchemaDirty(MigrationError):
    """A migration stopped half-way and someone has to say what became of it."""


class SchemaDrift(MigrationError):
    """Applied migrations and the templates disagree: edited, missing or out of order."""


class MigrationLockTimeout(MigrationError):
    """Another process holds the migration lock."""

    exit_code = 6
