"""Blocking work beside the run, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """What `work` gives, or raises. In a daemon thread: one that hangs cannot hold up the exit."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(settle: Callable[[], None]) -> None:
        if not answer.done():
            settle()

    def run() -> None:
        try:
            found = work()
        except BaseException as error:
            failed = error
            settle: Callable[[], None] = lambda: answer.set_exception(failed)  # noqa: E731
        else:
            settle = lambda: answer.set_result(found)  # noqa: E731
        try:
            loop.call_soon_threadsafe(deliver, settle)
        except RuntimeError:  # the run is over, nobody waits
            pass

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer
