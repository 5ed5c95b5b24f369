import asyncio

import pytest

from luminora.errors import StorageUnavailable
from luminora.providers.pool import Pool


class Line:
    def __init__(self):
        self.good, self.closed = True, False


class Exchange:
    """Opens lines, unless it is told to fail, and remembers them."""

    def __init__(self, **options):
        self.lines = []
        self.failure = None
        self.pool = Pool(self.open, self.close, self.usable, where="here:1", **options)

    async def open(self):
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        self.lines.append(Line())
        return self.lines[-1]

    def close(self, line):
        line.closed = True

    def usable(self, line):
        return line.good and not line.closed


async def test_a_connection_is_used_again():
    exchange = Exchange()
    for _ in range(3):
        async with exchange.pool.connection() as line:
            assert not line.closed
    assert len(exchange.lines) == 1


async def test_one_that_broke_is_replaced_in_use_or_idle():
    exchange = Exchange()
    async with exchange.pool.connection() as line:
        line.good = False
    assert line.closed
    async with exchange.pool.connection() as second:
        pass
    second.good = False  # the server hung up meanwhile
    async with exchange.pool.connection() as third:
        assert third is not second
    assert second.closed


async def test_no_more_than_allowed_and_waiting_ends():
    exchange = Exchange(most=2, patience=0.05)
    async with exchange.pool.connection(), exchange.pool.connection():
        with pytest.raises(StorageUnavailable, match="all 2 connections were in use") as failure:
            async with exchange.pool.connection():
                pass
        assert failure.value.where == "here:1"
    async with exchange.pool.connection():
        pass
    assert len(exchange.lines) == 2


async def test_who_waits_is_served_in_turn():
    exchange = Exchange(most=1)
    order = []

    async def use(number):
        async with exchange.pool.connection():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(use(number) for number in range(20)))
    assert order == list(range(20))
    assert len(exchange.lines) == 1


async def test_a_failure_to_connect_is_the_callers_and_costs_no_place():
    exchange = Exchange(most=1)
    exchange.failure = OSError("refused")
    for _ in range(3):
        with pytest.raises(OSError, match="refused"):
            async with exchange.pool.connection():
                pass
    exchange.failure = None
    async with exchange.pool.connection() as line:
        assert line.good


async def test_closing_spares_what_is_in_use_until_it_is_given_back():
    exchange = Exchange()
    async with exchange.pool.connection() as idle, exchange.pool.connection() as used:
        pass
    async with exchange.pool.connection() as line:
        exchange.pool.close()
        exchange.pool.close()
        assert not line.closed
    assert idle.closed
    assert used.closed
    async with exchange.pool.connection() as fresh:
        assert not fresh.closed


def test_each_event_loop_has_its_own_and_an_ended_ones_are_closed():
    exchange = Exchange()

    async def use():
        async with exchange.pool.connection() as line:
            return line

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert first.closed
    assert not second.closed


async def test_cancelling_who_waits_gives_the_place_to_the_next():
    exchange = Exchange(most=1)
    async with exchange.pool.connection():
        waiting = asyncio.create_task(anext(aiter(_lent(exchange))))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with exchange.pool.connection():
        pass


async def _lent(exchange):
    async with exchange.pool.connection() as line:
        yield line
