"""Runs a coroutine to its end, or until Ctrl-C, within a second of it.

asyncio.run would wait for the default executor's threads, and before Python 3.11 leaves a KeyboardInterrupt to whatever
runs at that moment.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from grpcdoctor.cli.errors import Interrupted

T = TypeVar("T")

_SECONDS_TO_TIDY_UP: Final = 0.5


def run_interruptible(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises Interrupted after Ctrl-C, when `work` has had a moment to print what is done."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        task.cancel()
        loop.call_later(_SECONDS_TO_TIDY_UP, loop.stop)

    task.add_done_callback(lambda _: loop.stop())
    handled = _on_interrupt(loop, interrupt)
    try:
        loop.run_forever()
    finally:
        if handled:
            loop.remove_signal_handler(signal.SIGINT)
        _tidy_up(loop, task)
    if interrupted or task.cancelled() or not task.done():
        raise Interrupted
    return task.result()


def _on_interrupt(loop: asyncio.AbstractEventLoop, interrupt: Any) -> bool:
    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread
        return False
    return True


def _tidy_up(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Cancel what still runs and let it close its sockets, but wait for nothing that will not end."""
    left = [one for one in asyncio.all_tasks(loop) if one is not task]
    for one in left:
        one.cancel()
    loop.set_exception_handler(lambda _, __: None)
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=0.2))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
