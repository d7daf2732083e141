"""Deadline: a moment that steps share, so that no sum of step timeouts exceeds the budget of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

T = TypeVar("T")

_timeout_at: Final[Any] = getattr(asyncio, "timeout_at", None)  # came with Python 3.11
# What is cut off may still have to close a socket or end a child process.
_CLEAN_UP_SECONDS: Final = 1.0


class Deadline(NamedTuple):
    """A point on the monotonic clock (which is also asyncio's)."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - monotonic())

    @property
    def expired(self) -> bool:
        return monotonic() >= self.at

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and `seconds` from now."""
        return Deadline(min(self.at, monotonic() + seconds))

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await, but no longer than this. Raises TimeoutError.

        Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the result
        (python/cpython#86296), and a run that was told to stop would go on to the end of its budget.
        """
        if _timeout_at is None:
            return await self._wait_for_a_task(awaitable)
        limit = _timeout_at(self.at)  # without a task of its own: those took a tenth of a quick probe's time
        try:
            async with limit:
                return await awaitable
        except Exception:
            if limit.expired():
                raise TimeoutError from None  # whatever it raised while it was cut off
            raise

    async def _wait_for_a_task(self, awaitable: Awaitable[T]) -> T:
        """The same before Python 3.11."""
        task = asyncio.ensure_future(awaitable)
        try:
            done, _ = await asyncio.wait((task,), timeout=self.remaining)
        except asyncio.CancelledError:
            await _cut_off(task)
            raise
        if not done:
            await _cut_off(task)
            raise TimeoutError
        return task.result()


async def _cut_off(task: asyncio.Future[T]) -> None:
    """Cancel, let it clean up, and take note of what it raised, so that nobody complains of it later."""
    task.add_done_callback(lambda over: over.cancelled() or over.exception())
    task.cancel()
    await asyncio.wait((task,), timeout=_CLEAN_UP_SECONDS)
