"""Several writes as one: begun anew when a race was lost, asked for again when no answer came.

The driver's own ``with_transaction`` does the same for up to two minutes, and its older versions
do so without ever letting the event loop go on; here the deadline is ours.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from luminora_mongodb.connection import Client

T = TypeVar("T")

_FIRST, _LONGEST, _GROWTH = 0.005, 0.5, 1.5
"""Seconds to wait before trying again: at first, at most, and how fast that grows."""
DURABLE: Final = WriteConcern("majority", j=True)


async def in_transaction(
    client: Client, work: Callable[[AsyncClientSession], Awaitable[T]], seconds: float
) -> T:
    """Do the work in a transaction, acknowledged by a majority and in its journals.

    Args:
        client: The open client.
        work: Does everything with the session it is given; it may be done several times.
        seconds: How long to go on trying.

    Raises:
        PyMongoError: The transaction failed, for good or for too long.
    """
    deadline, attempt = monotonic() + seconds, 0
    async with client.start_session() as session:
        while True:
            await session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=DURABLE
            )
            try:
                answer = await work(session)
                await _commit(session, deadline)
            except PyMongoError as error:
                await _abort(session)
                lost = error.has_error_label("TransientTransactionError")
                if not lost or error.timeout or monotonic() >= deadline:
                    raise
            except BaseException:
                await _abort(session)
                raise
            else:
                return answer
            attempt += 1
            await _pause(attempt)


async def _commit(session: AsyncClientSession, deadline: float) -> None:
    """Commit; a commit may be asked for as often as one likes and happens once."""
    attempt = 0
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            unknown = error.has_error_label("UnknownTransactionCommitResult")
            if not unknown or error.timeout or monotonic() >= deadline:
                raise
        else:
            return
        attempt += 1
        await _pause(attempt)


async def _abort(session: AsyncClientSession) -> None:
    if session.in_transaction:
        await session.abort_transaction()


async def _pause(attempt: int) -> None:
    """Wait a little, and not as long as those one has lost against."""
    longest = min(_LONGEST, _FIRST * _GROWTH**attempt)
    await asyncio.sleep(random.random() * longest)  # noqa: S311 - chance need not be secret
