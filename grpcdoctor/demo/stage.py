"""Stage: what a scenario is built of. Everything listens on loopback, on free ports, and goes again."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcdoctor.demo.certificates import Authority, Pair
    from grpcdoctor.demo.gateway import Answer, Goaway

# asyncio closes an aborted connection in a later round of its loop, TLS a few rounds after that.
_ROUNDS_TO_HANG_UP = 10


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What grpcdoctor is told, and nothing more."""

    port: int
    cacert: str | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"


class Stage:
    """Builds the parts; leaving it stops them all, the last built first, and removes the certificates."""

    def __init__(self) -> None:
        self._parts = AsyncExitStack()
        self._connections: set[asyncio.WriteTransport] = set()
        """Those of clients to our gateways."""

    async def __aenter__(self) -> Stage:
        self.folder = Path(self._parts.enter_context(TemporaryDirectory(prefix="grpcdoctor-demo-")))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        for _ in range(_ROUNDS_TO_HANG_UP):
            await asyncio.sleep(0)
        await self._parts.aclose()

    @cached_property
    def authority(self) -> Authority:
        from grpcdoctor.demo.certificates import Authority

        return Authority(self.folder)

    def tls_endpoint(self, port: int) -> Endpoint:
        """An endpoint whose certificates the demo's own authority has issued."""
        return Endpoint(port, str(self.authority.path))

    def grpc_server(self, pair: Pair | None = None, *, client_ca: bytes | None = None, serving: bool = True) -> int:
        """A healthy grpcio server with a greeter, health and reflection; its port."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its log of failed handshakes is no part of the report
        from grpcdoctor.demo.grpc_server import GrpcServer

        server = GrpcServer(pair, client_ca=client_ca, serving=serving)
        self._parts.callback(server.stop)
        return server.port

    async def tls_relay(self, backend: int, alpn: tuple[str, ...] = ()) -> int:
        """A layer 4 gateway that ends TLS before `backend`; its port."""
        from grpcdoctor.demo.relay import relay_to

        return self._keep(
            await asyncio.start_server(relay_to(backend, self._connections), "127.0.0.1", 0, ssl=self._context(alpn))
        )

    async def gateway(
        self, answer: Answer, *, settings: Mapping[int, int] | None = None, goaway: Goaway | None = None
    ) -> int:
        """A layer 7 gateway that ends TLS and HTTP/2; its port."""
        from grpcdoctor.demo.gateway import Gateway

        loop = asyncio.get_running_loop()
        return self._keep(
            await loop.create_server(
                lambda: Gateway(answer, self._connections, settings, goaway), "127.0.0.1", 0, ssl=self._context(("h2",))
            )
        )

    def _context(self, alpn: tuple[str, ...]) -> ssl.SSLContext:
        pair = self.authority.leaf()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _keep(self, server: asyncio.Server) -> int:
        self._parts.callback(server.close)
        port: int = server.sockets[0].getsockname()[1]
        return port
