"""What all the lab's proxies have in common: ports by the name of a scenario."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tests.lab.processes import STARTS, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

T = TypeVar("T")


@dataclass(frozen=True)
class Gateway:
    """A running proxy with one listener a scenario."""

    ports: dict[str, int]
    tls_by_name: dict[str, bool]
    log: Path | None = None
    """What it says of trouble: nginx's error log, haproxy's log of requests."""

    def port(self, name: str) -> int:
        """The port of a scenario."""
        return self.ports[name]

    def address(self, name: str) -> tuple[str, int]:
        """Host and port of a scenario."""
        return "127.0.0.1", self.ports[name]

    def tls(self, name: str) -> bool:
        """Whether that port speaks TLS."""
        return self.tls_by_name[name]


@contextlib.contextmanager
def starting(start: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    """Starts a server that must choose its ports beforehand; another try where somebody took one meanwhile."""
    with contextlib.ExitStack() as stack:
        for attempt in range(STARTS):
            try:
                server = stack.enter_context(start())
                break
            except StartError:
                if attempt == STARTS - 1:
                    raise
        yield server
