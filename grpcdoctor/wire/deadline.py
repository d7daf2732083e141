"""Deadline: a moment that steps share, so that no sum of step timeouts exceeds the budget of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
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
        """Await, but no longer than this. Raises TimeoutError."""
        try:
            return await asyncio.wait_for(awaitable, self.remaining)
        except asyncio.TimeoutError as expired:  # its own class before Python 3.11
            raise TimeoutError from expired
