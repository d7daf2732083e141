"""Signal: lets any number of coroutines wait for the next change of something."""

from __future__ import annotations

import asyncio


class Signal:
    """Made and used within one event loop. Whoever waits looks again after every notice."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def notify(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():  # cancelled meanwhile
                waiter.set_result(None)
