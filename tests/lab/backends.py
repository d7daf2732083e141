"""The backends that the lab's proxies lead to: grpcio servers in one child process, and a few fakes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import fakes
from tests.lab.grpc_server import Options, grpc_servers
from tests.lab.processes import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Backends:
    """Ports on 127.0.0.1."""

    h2c: int
    """A healthy grpcio server in clear."""
    tls: int
    """A healthy grpcio server behind TLS."""
    not_serving: int
    bare: int
    """Neither reflection nor health."""
    saturated: int
    unauthenticated: int
    http1: int
    """A web server: 200 text/html."""
    silent: int
    closes: int
    closed: int
    """Refuses connections."""


@contextlib.contextmanager
def running_backends() -> Iterator[Backends]:
    """All of them, until the block ends."""
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(
            grpc_servers(
                Options(),
                Options(tls=True),
                Options(status="NOT_SERVING"),
                Options(reflection="no", health=False),
                Options(saturated=True),
                Options(refuse="UNAUTHENTICATED", refuse_message="no token"),
            )
        )
        h2c, tls, not_serving, bare, saturated, unauthenticated = (server.port for server in servers)
        yield Backends(
            h2c=h2c,
            tls=tls,
            not_serving=not_serving,
            bare=bare,
            saturated=saturated,
            unauthenticated=unauthenticated,
            http1=stack.enter_context(fakes.http1()).port,
            silent=stack.enter_context(fakes.silent()).port,
            closes=stack.enter_context(fakes.closes_silently()).port,
            closed=stack.enter_context(closed_port()),
        )
