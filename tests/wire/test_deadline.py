"""A deadline ends what it bounds, and never loses a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from grpcdoctor.wire.deadline import Deadline


def test_an_inner_deadline_is_never_later_than_the_outer_one() -> None:
    outer = Deadline.after(1)
    assert outer.within(5).at == outer.at
    assert outer.within(0.1).at < outer.at
    assert Deadline(0.0).expired
    assert Deadline(0.0).remaining == 0.0


def test_what_takes_too_long_is_cancelled_and_cleans_up() -> None:
    cleaned: list[bool] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await Deadline.after(0.02).wait(slow())

    asyncio.run(run())
    assert cleaned == [True]


def test_a_result_that_is_there_at_once_comes_even_past_the_deadline() -> None:
    async def quick() -> int:
        return 7

    async def run() -> int:
        return await Deadline(0.0).wait(quick())

    assert asyncio.run(run()) == 7


def test_exceptions_pass_through() -> None:
    async def broken() -> None:
        raise ConnectionResetError

    async def run() -> None:
        with pytest.raises(ConnectionResetError):
            await Deadline.after(1).wait(broken())

    asyncio.run(run())


def test_a_cancellation_that_comes_together_with_the_result_is_not_lost() -> None:
    async def run() -> bool:
        result = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(Deadline.after(5).wait(result))
        await asyncio.sleep(0)
        result.set_result(None)
        waiting.cancel()
        await asyncio.wait((waiting,))
        return waiting.cancelled()

    assert asyncio.run(run())


def test_an_exception_behind_a_cancellation_bothers_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await Deadline.after(0.01).wait(stubborn())

    asyncio.run(run())
    assert caplog.records == []
