import asyncio
import signal
import threading
import time

import pytest

from luminora.cli._loop import run


def interrupt_unnoticed():
    """Ctrl-C that does not wake the main thread, as when it was just about to wait."""

    def press():
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=press).start()


def test_an_interrupt_in_the_instant_before_the_loop_waits_is_noticed():
    late = threading.Event()
    alarm = threading.Timer(15, late.set)

    async def work():
        interrupt_unnoticed()
        await asyncio.sleep(20)

    alarm.start()
    with pytest.raises(KeyboardInterrupt):
        run(work())
    alarm.cancel()
    assert not late.is_set(), "it was noticed only when the loop woke for another reason"


def test_work_is_cancelled_and_may_clean_up():
    seen = []

    async def work():
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(20)
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned")

    with asyncio.Runner() as runner:
        with pytest.raises(KeyboardInterrupt):
            run(work(), runner)
        assert run(asyncio.sleep(0, "again"), runner) == "again"
    assert seen == ["cleaned"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_does_not_wait():
    finished = []

    async def work():
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(20)
        finally:
            interrupt_unnoticed()
            await asyncio.sleep(20)
            finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert not finished


def test_cancellation_of_another_kind_stays_what_it_is():
    async def work():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert run(asyncio.sleep(0, 7)) == 7
