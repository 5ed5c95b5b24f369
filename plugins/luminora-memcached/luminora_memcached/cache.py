"""A cache in memcached: values that say which generation of their namespace they are of.

memcached can neither list nor delete what belongs together, so a namespace has a *generation*, a
random number under a key of its own on every server. A value is kept with the generation it was
written in, and read together with the present one: one round trip, and a namespace is cleared by
giving it another number. Old values are then unreadable; memcached itself drops them when they
expire or the room is needed.

Beside the generation stand the version of this format and a checksum over namespace, key and value.
Whatever does not fit reads as absent: bytes that were cut or damaged, that somebody else wrote, or
that were moved under another key. That is no protection from somebody who can write to the server
and knows this format.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import ceil
from time import perf_counter, time
from typing import Any, Final

from luminora.errors import ConnectionFailed, ProviderError
from luminora.providers.base import CheckResult, Status
from luminora.providers.cache import CacheProvider
from luminora_memcached.line import Item, Line
from luminora_memcached.node import PORT, PROVIDER, Node

DEFAULT_TTL: Final = 30 * 86_400.0
"""Seconds a value is kept when nobody says how long."""

_KEPT: Final = b"STORED"
_VERSION: Final = b"\x01"
_GENERATION, _SUM = 8, 8
_HEAD: Final = 1 + _GENERATION + _SUM
_RELATIVE: Final = 30 * 86_400
"""Longer times than this memcached takes for a date."""
_REMEMBERED: Final = 10_000
"""Namespaces whose generation is remembered, so that writing need not ask for it."""


class MemcachedCache(CacheProvider):
    """A cache in one or several memcached servers.

    It is never in anybody's way: every operation has a short deadline, and after a failure a
    server is left alone for a moment, in which operations fail at once. Only :meth:`clear` always
    tries, as somebody may rely on it. With several servers, one that is down costs its share of
    the values.

    Args:
        config: As the manifest describes it.
    """

    name = "memcached"

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._prefix = config.get("key_prefix", "luminora")
        self._ttls: dict[str, float] = dict(config.get("ttl_defaults", {}))
        self._largest = config.get("max_item_bytes", 1_000_000)
        alone = f"{_bracketed(config.get('host', 'localhost'))}:{config.get('port', PORT)}"
        tls = None
        if config.get("tls", False):
            tls = ssl.create_default_context(cafile=config.get("tls_ca_file"))
        self._nodes = [
            Node(
                address,
                seconds=config.get("timeout_seconds", 0.25),
                pause=config.get("pause_seconds", 2.0),
                most=config.get("max_connections", 4),
                tls=tls,
            )
            for address in config.get("servers") or [alone]
        ]
        self._generations: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def get(self, namespace: str, key: str) -> bytes | None:
        """The value, or None if it is absent, expired or not as it was kept."""
        return (await self.get_many(namespace, [key]))[0]

    async def set(self, namespace: str, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep ``value``; one that is larger than a server takes is not kept."""
        await self.set_many(namespace, {key: value}, ttl)

    async def get_many(self, namespace: str, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of ``keys``, in one round trip per server.

        Raises:
            ProviderError: Not one of the servers could be asked.
        """
        shares = self._shares(namespace, keys)
        found: dict[str, bytes | None] = {}

        async def read(node: Node, names: Mapping[str, str]) -> None:
            head = self._head(namespace)
            told = await node.ask(lambda line: line.get([head, *names]))
            generation = _number(namespace, told.get(head))
            self._remember(node, namespace, generation)
            for name, key in names.items():
                found[key] = _opened(namespace, key, told.get(name), generation)

        await self._each(read(node, names) for node, names in shares.items())
        return [found.get(key) for key in keys]

    async def set_many(
        self, namespace: str, values: Mapping[str, bytes], ttl: float | None = None
    ) -> None:
        """Keep several values, in one round trip per server.

        Raises:
            ProviderError: Not one of the servers could be asked.
        """
        expires = _expiry(self._ttl(namespace) if ttl is None else ttl)
        shares = self._shares(namespace, values)

        async def write(node: Node, names: Mapping[str, str]) -> None:
            generation = self._generations.get((node.where, namespace))
            if generation is None:
                generation = await self._begun(node, namespace)
            items = {
                name: _closed(namespace, key, bytes(values[key]), generation)
                for name, key in names.items()
            }
            kept = [
                Item(name, item, expires or 0)
                for name, item in items.items()
                if expires is not None and len(item) <= self._largest
            ]
            gone = items.keys() - {one.name for one in kept}

            async def work(line: Line) -> None:
                said = await line.store(kept)
                refused = [one.name for one, told in zip(kept, said, strict=True) if told != _KEPT]
                # What is not kept must not leave an earlier value standing.
                await line.delete([*gone, *refused])

            await node.ask(work)

        await self._each(write(node, names) for node, names in shares.items())

    async def delete(self, namespace: str, key: str) -> None:
        """Forget the key; absent is fine."""
        for node, names in self._shares(namespace, [key]).items():
            await node.ask(lambda line, names=names: line.delete(names))  # type: ignore[misc]

    async def clear(self, namespace: str) -> None:
        """Make all values of the namespace unreadable, on every server.

        Raises:
            ConnectionFailed: A server could not be told; what it holds can still be read.
        """
        generation = _fresh()
        mark = Item(self._head(namespace), _closed(namespace, "", b"", generation))

        async def work(line: Line) -> None:
            (said,) = await line.store([mark])
            if said != _KEPT:  # an absent generation makes everything unreadable too
                await line.delete([mark.name])

        outcomes = await asyncio.gather(
            *(node.ask(work, always=True) for node in self._nodes), return_exceptions=True
        )
        failed = []
        for node, outcome in zip(self._nodes, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                self._generations.pop((node.where, namespace), None)
                failed.append((node, outcome))
            else:
                self._remember(node, namespace, generation)
        if failed:
            places = ", ".join(node.where for node, _ in failed)
            raise ConnectionFailed(
                f"not cleared: what is cached of '{namespace}' there can still be read until it "
                f"expires: {failed[0][1]}",
                provider=PROVIDER,
                where=places,
                hint="clear it again when the server is back, or restart the server",
            ) from failed[0][1]

    async def check(self) -> CheckResult:
        """Whether each server keeps a value; one that does not costs speed, not answers."""
        started = perf_counter()
        probe = Item(f"{self._prefix}:check", b"1", 1)

        async def work(line: Line) -> str:
            (said,) = await line.store([probe])
            version = await line.version()
            if said == _KEPT:
                return version
            raise ProviderError(
                f"the server keeps nothing: {said.decode('ascii', 'replace')}",
                provider=PROVIDER,
                hint="give memcached more memory (-m)",
            )

        told = await asyncio.gather(
            *(node.ask(work, always=True) for node in self._nodes), return_exceptions=True
        )
        latency = (perf_counter() - started) * 1000
        pairs = list(zip(self._nodes, told, strict=True))
        data = {node.where: str(answer) for node, answer in pairs}
        bad = [str(answer) for _, answer in pairs if isinstance(answer, BaseException)]
        good = [f"memcached {one} at {node.where}" for node, one in pairs if isinstance(one, str)]
        status = Status.WARNING if bad else Status.OK
        return CheckResult(status, "\n".join([*good, *bad]), latency, data)

    async def aclose(self) -> None:
        """Close the connections; they are opened anew when they are needed."""
        for node in self._nodes:
            node.close()

    async def _begun(self, node: Node, namespace: str) -> bytes:
        """The namespace's generation on that server, begun if there is none."""
        head, generation = self._head(namespace), _fresh()
        mark = Item(head, _closed(namespace, "", b"", generation), verb="add")

        async def work(line: Line) -> bytes:
            if await line.store([mark]) == [_KEPT]:
                return generation
            present = _number(namespace, (await line.get([head])).get(head))
            if present is None:  # somebody else's bytes
                await line.store([mark._replace(verb="set")])
            return present or generation

        begun = await node.ask(work)
        self._remember(node, namespace, begun)
        return begun

    async def _each(self, asked: Iterable[Any]) -> None:
        """Wait for all servers; failures count only if nothing else came."""
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        failures = [one for one in outcomes if isinstance(one, BaseException)]
        for failure in failures:
            if len(failures) == len(outcomes) or not isinstance(failure, ProviderError):
                raise failure

    def _remember(self, node: Node, namespace: str, generation: bytes | None) -> None:
        place = (node.where, namespace)
        self._generations.pop(place, None)
        if generation is not None:
            self._generations[place] = generation
            if len(self._generations) > _REMEMBERED:
                self._generations.popitem(last=False)

    def _shares(self, namespace: str, keys: Iterable[str]) -> dict[Node, dict[str, str]]:
        """For each server in charge: memcached's names of the keys, and the keys.

        Of several servers the one with the highest digest is in charge (rendezvous hashing), so
        that one more or less moves its own share only.
        """
        shares: dict[Node, dict[str, str]] = {}
        for key in dict.fromkeys(keys):
            digest = _digest(namespace, key)
            node = self._nodes[0]
            if len(self._nodes) > 1:
                node = max(self._nodes, key=lambda one: _digest(one.where, digest))
            shares.setdefault(node, {})[f"{self._prefix}:{digest}"] = key
        return shares

    def _head(self, namespace: str) -> str:
        """The key of a namespace's generation; no value's name looks like it."""
        return f"{self._prefix}:of:{_digest(namespace, '')}"

    def _ttl(self, namespace: str) -> float:
        """The default of ``namespace``; of ``embeddings`` for ``embeddings:ana``."""
        exact = self._ttls.get(namespace)
        return self._ttls.get(namespace.partition(":")[0], DEFAULT_TTL) if exact is None else exact


def _expiry(ttl: float) -> int | None:
    """Seconds as memcached takes them, never too few; None if it has ended already."""
    if ttl <= 0:
        return None
    seconds = ceil(ttl) + 1  # its clock ticks once a second: the first tick may come at once
    return seconds if seconds <= _RELATIVE else int(time()) + seconds


def _digest(one: str, two: str) -> str:
    text = f"{len(one)}:{one}{two}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=20).hexdigest()


def _closed(namespace: str, key: str, value: bytes, generation: bytes) -> bytes:
    return _VERSION + generation + _checksum(namespace, key, value, generation) + value


def _opened(
    namespace: str, key: str, stored: bytes | None, generation: bytes | None
) -> bytes | None:
    """The value in what is stored, unless it is of another generation or not what was kept."""
    if stored is None or generation is None or _number(namespace, stored, key) != generation:
        return None
    return stored[_HEAD:]


def _number(namespace: str, stored: bytes | None, key: str = "") -> bytes | None:
    """The generation in what is stored, if all of it is as it was kept."""
    if stored is None or len(stored) < _HEAD or stored[:1] != _VERSION:
        return None
    generation, value = stored[1 : 1 + _GENERATION], stored[_HEAD:]
    if stored[1 + _GENERATION : _HEAD] != _checksum(namespace, key, value, generation):
        return None
    return generation


def _checksum(namespace: str, key: str, value: bytes, generation: bytes) -> bytes:
    tie = blake2b(_digest(namespace, key).encode() + generation, digest_size=16).digest()
    return blake2b(value, digest_size=_SUM, key=tie).digest()


def _fresh() -> bytes:
    return os.urandom(_GENERATION)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
