"""An address where connections hang: nothing answers the SYN, nothing refuses."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from tests.lab.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def black_hole(host: str = LOOPBACK) -> Iterator[tuple[str, int]]:
    """A listening socket whose backlog is full, so that the kernel drops every further SYN; skips where it does not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()[:2]
        for _ in range(8):
            filler = stack.enter_context(socket.socket(family))
            filler.settimeout(0.15)
            try:
                filler.connect(address)
            except TimeoutError:
                break
        else:
            pytest.skip("this kernel does not drop SYNs at a full backlog")
        yield address
