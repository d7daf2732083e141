"""Work that blocks (a cluster, an Envoy), in a daemon thread: what does not answer cannot hold up the exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """The result, or what it raised."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def deliver(found: T | None, failed: BaseException | None) -> None:
        if answer.done():
            return
        if failed is None:
            answer.set_result(found)  # type: ignore[arg-type]  # a T where nothing failed
        else:
            answer.set_exception(failed)

    def run() -> None:
        found, failed = None, None
        try:
            found = work()
        except BaseException as error:
            failed = error
        try:
            loop.call_soon_threadsafe(deliver, found, failed)
        except RuntimeError:  # the run is over, nobody waits
            pass

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer
