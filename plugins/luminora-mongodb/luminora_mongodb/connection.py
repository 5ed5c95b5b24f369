"""One client per event loop, what kind of server it met, and which collections are there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pymongo
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure
from pymongo.uri_parser import parse_uri

from luminora.errors import ConfigError, SchemaPending, StorageError, StorageUnavailable
from luminora.providers.base import ProviderContext
from luminora_mongodb.errors import STANDALONE, translated

Document = dict[str, Any]
Client = AsyncMongoClient[Document]
Database = AsyncDatabase[Document]

CONNECTING: Final = (
    "url_env",
    "host",
    "port",
    "database",
    "user",
    "password_env",
    "replica_set",
)
"""The settings that name a place; a vector store that has any has a connection of its own."""

_NEEDED: Final = frozenset({"find", "insert", "update", "remove"})
_GRACE: Final = 0.5
"""Seconds by which the loop's deadline comes after the driver's."""
_OLDEST: Final = 9
"""The wire version of MongoDB 4.4, which newer drivers demand too."""
_DEFAULT_DATABASE: Final = "luminora"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration says of the connection.

    Attributes:
        options: Arguments of the driver's client, a password among them.
        database: The database's name.
        where: Host, port and database for errors; never a password.
        patience: Seconds to look for a server when connecting.
        timeout: Seconds one operation may take, retries included.
        allow_standalone: Whether to work without transactions.
    """

    options: Mapping[str, Any] = field(repr=False)
    database: str
    where: str
    patience: float
    timeout: float
    allow_standalone: bool


def settings_of(config: Mapping[str, Any], context: ProviderContext) -> Settings:
    """Read a provider's ``config``.

    Raises:
        ConfigError: The URL is none, or a user has no password.
        CredentialsMissing: A named environment variable is not set.
    """
    options: Document = {
        "appname": "luminora",
        "retryWrites": True,
        "serverSelectionTimeoutMS": _ms(config.get("connect_timeout_seconds", 10)),
        "connectTimeoutMS": _ms(config.get("connect_timeout_seconds", 10)),
        "minPoolSize": config.get("min_connections", 0),
        "maxPoolSize": config.get("max_connections", 20),
    }
    for name, option in (
        ("replica_set", "replicaSet"),
        ("direct_connection", "directConnection"),
        ("auth_source", "authSource"),
        ("tls", "tls"),
    ):
        if config.get(name) is not None:
            options[option] = config[name]
    if config.get("tls_ca_file"):
        options["tlsCAFile"] = str(context.path(config["tls_ca_file"], ""))
    database = config.get("database")
    if config.get("url_env"):
        url = options["host"] = context.secret(config["url_env"], provider="mongodb")
        place, named = _parsed(url, config["url_env"])
        database = database or named
    else:
        options["host"] = config.get("host", "localhost")
        options["port"] = config.get("port", 27017)
        place = f"{options['host']}:{options['port']}"
        options |= _credentials(config, context)
    database = database or _DEFAULT_DATABASE
    return Settings(
        options,
        database,
        f"{place}/{database}",
        config.get("connect_timeout_seconds", 10),
        config.get("timeout_seconds", 30),
        config.get("allow_standalone", False),
    )


def _credentials(config: Mapping[str, Any], context: ProviderContext) -> Document:
    user, variable = config.get("user"), config.get("password_env")
    if user is None and variable is None:
        return {}
    if user is None or variable is None:
        raise ConfigError(
            f"{'password_env' if user is None else 'user'} is set without "
            f"{'user' if user is None else 'password_env'}",
            where="luminora.json (/storage_provider/config)",
            hint="MongoDB needs both, or neither for a server that asks for no password",
        )
    return {"username": user, "password": context.secret(variable, provider="mongodb")}


def _parsed(url: str, variable: str) -> tuple[str, str | None]:
    """Hosts and database of a URL; nothing of it is quoted when it cannot be read."""
    unusable = ConfigError(
        "the URL of the database cannot be read",
        where=f"the environment variable {variable}",
        hint="mongodb://USER:PASSWORD@HOST:27017/DATABASE, with special characters of the "
        "password percent-encoded; or mongodb+srv://…, as Atlas shows it",
    )
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
        if parts.scheme not in {"mongodb", "mongodb+srv"} or not hosts:
            raise unusable
        if parts.scheme == "mongodb":
            parse_uri(url)
    except (ValueError, InvalidURI, ConfigurationError):
        raise unusable from None
    return hosts, parts.path.strip("/") or None


@dataclass(slots=True)
class Live:
    """An open client on one event loop.

    Attributes:
        topology: ``"replica set"``, ``"sharded cluster"`` or ``"standalone"``.
        ending: Closes the client, at the latest when ``asyncio.run`` ends the loop's asynchronous
            generators: later nobody could, because its sockets belong to the loop.
        known: The collections that were seen to be there.
    """

    client: Client
    database: Database
    loop: asyncio.AbstractEventLoop
    topology: str
    ending: AsyncGenerator[None]
    known: set[str] = field(default_factory=set)

    @property
    def transactions(self) -> bool:
        """Whether several writes can be one."""
        return self.topology != "standalone"


class Connection:
    """The way to one database; shared by a storage, its migrations and a vector store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.where = settings.where
        self._live: Live | None = None

    @property
    def opened(self) -> bool:
        """Whether somebody connected and nobody closed."""
        return self._live is not None

    async def open(self) -> Live:
        """Connect, unless this loop is connected already.

        Raises:
            StorageError: Nobody answers, it is no MongoDB, or it is a standalone server.
        """
        loop = asyncio.get_running_loop()
        if self._live is not None and self._live.loop is loop:
            return self._live
        found = await self._connect()
        present = self._live
        if present is not None and present.loop is loop:  # another coroutine was quicker
            await found.ending.aclose()
            return present
        self._live = found
        return found

    async def live(self) -> Live:
        """The open client; opened anew where ``asyncio.run`` has begun another loop.

        Raises:
            StorageUnavailable: Nobody connected yet, or it was closed.
        """
        if self._live is None:
            raise StorageUnavailable(
                "the storage is not connected", where=self.where, hint="await connect() first"
            )
        return await self.open()

    @contextlib.asynccontextmanager
    async def apart(self) -> AsyncIterator[Live]:
        """A client of one's own, closed at the end."""
        found = await self._connect()
        try:
            yield found
        finally:
            await found.ending.aclose()

    async def aclose(self) -> None:
        """Close the client; calling it again is harmless."""
        found, self._live = self._live, None
        if found is not None and found.loop is asyncio.get_running_loop():
            await found.ending.aclose()

    @contextlib.asynccontextmanager
    async def within(self, seconds: float | None = None) -> AsyncIterator[None]:
        """A deadline for what is asked inside, with errors as Luminora's.

        The driver keeps the deadline and says what it waited for; the loop's own comes a moment
        later, because older drivers repeat a transaction for two minutes whatever they were told.

        Args:
            seconds: Left out, the configured ``timeout_seconds``.

        Raises:
            StorageUnavailable: The deadline passed.
            StorageError: Whatever else went wrong.
        """
        seconds = self.settings.timeout if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds + _GRACE):
                with translated(self.where), pymongo.timeout(seconds):
                    yield
        except TimeoutError as error:
            raise StorageUnavailable(
                f"no answer within {seconds:g} seconds",
                where=self.where,
                hint="try again, or raise timeout_seconds",
            ) from error

    async def require(self, live: Live, names: Iterable[str]) -> None:
        """See that collections are there: MongoDB would make absent ones, without their rules.

        Raises:
            SchemaPending: One is absent.
        """
        wanted = set(names)
        if wanted <= live.known:
            return
        async with self.within():
            live.known.update(await live.database.list_collection_names())
        absent = sorted(wanted - live.known)
        if absent:
            raise SchemaPending(
                f"the database lacks what this version needs: {', '.join(absent)}",
                where=self.where,
                hint="luminora migrate",
            )

    async def _connect(self) -> Live:
        settings = self.settings
        with translated(self.where):
            client: Client = AsyncMongoClient(**settings.options)
        ending = _ending(client)
        await anext(ending)
        try:
            async with self.within(settings.patience):
                hello = await client.admin.command("hello")
            topology = _topology(hello)
            self._acceptable(topology, hello.get("maxWireVersion", 0))
        except BaseException:
            await ending.aclose()
            raise
        database = client.get_database(
            settings.database, write_concern=WriteConcern("majority", j=True)
        )
        return Live(client, database, asyncio.get_running_loop(), topology, ending)

    def _acceptable(self, topology: str, wire_version: int) -> None:
        if wire_version < _OLDEST:
            raise StorageError(
                "the server is too old", where=self.where, hint="upgrade it to MongoDB 4.4 or newer"
            )
        if topology == "standalone" and not self.settings.allow_standalone:
            raise StorageError(
                "this is a standalone server: it cannot write several documents as one",
                where=self.where,
                hint=STANDALONE,
            )


async def _ending(client: Client) -> AsyncGenerator[None]:
    """Waits for its own end, and closes the client then."""
    try:
        yield
    finally:
        await client.close()


async def facts_of(connection: Connection, live: Live) -> Document:
    """Version, kind, collections and missing rights of the server.

    Raises:
        StorageError: It does not answer.
    """
    async with connection.within():
        build = await live.client.admin.command("buildInfo")
        names = await live.database.list_collection_names()
        try:
            status = await live.database.command("connectionStatus", showPrivileges=True)
        except OperationFailure:
            status = {}
    return {
        "where": connection.where,
        "database": connection.settings.database,
        "server_version": build["version"],
        "topology": live.topology,
        "collections": sorted(names),
        "lacking_rights": _lacking(status, connection.settings.database),
    }


def _topology(hello: Mapping[str, Any]) -> str:
    if hello.get("setName"):
        return "replica set"
    return "sharded cluster" if hello.get("msg") == "isdbgrid" else "standalone"


def _lacking(status: Mapping[str, Any], database: str) -> list[str]:
    """Rights that the user needs and lacks; none where nobody is asked for a password."""
    info = status.get("authInfo", {})
    if not info.get("authenticatedUsers"):
        return []
    granted: set[str] = set()
    for privilege in info.get("authenticatedUserPrivileges", ()):
        resource = privilege["resource"]
        whole = resource.get("db") in {"", database} and resource.get("collection") == ""
        if whole or resource.get("anyResource"):
            granted.update(privilege["actions"])
    return sorted(_NEEDED - granted)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
