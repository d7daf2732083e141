"""How long tests wait, on machines whose cores are all busy with other tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE: Final = 10.0
"""Seconds: what waits for nothing ends by then on any machine, and what it must not wait for takes far longer."""
PATIENCE: Final = 30.0
"""Seconds: what has not come by then will not come."""


def wait_until(done: Callable[[], object]) -> None:
    """Raises AssertionError where it is not `done` in time."""
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.02)


def wait_until_connected(pid: int) -> None:
    """Until this process has a connection to somewhere."""
    process = psutil.Process(pid)
    wait_until(lambda: any(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("tcp")))
