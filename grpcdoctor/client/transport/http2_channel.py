"""GrpcChannel: gRPC over HTTP/2, all calls on one connection, which is made anew when it was lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.base_call import BaseCall
from grpcdoctor.client.transport.compression import ACCEPTED, check_encoding
from grpcdoctor.client.transport.connecting import HTTP2, Connected, connect
from grpcdoctor.client.transport.endings import made_here
from grpcdoctor.client.transport.grpc_call import GrpcCall
from grpcdoctor.client.transport.http2_link import StartError
from grpcdoctor.client.transport.request_headers import grpc_headers, pseudo_headers
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.exchange import Exchange, Listener
    from grpcdoctor.client.transport.http2_link import Http2Link
    from grpcdoctor.wire.streams import Headers

# A server that ends each connection before a request can be put on it is not asked for ever.
_ATTEMPTS: Final = 3


class GrpcChannel:
    """See client/call.py."""

    def __init__(self, options: ChannelOptions) -> None:
        self._options = options
        self._connected: Connected | None = None
        self._connecting: asyncio.Task[Connected] | None = None
        self._draining: list[Http2Link] = []
        """Connections that take no further call, while calls on them go on."""

    @property
    def connection(self) -> ConnectionFacts | None:
        """The one in use, or used last; None before there was one."""
        return self._connected.facts() if self._connected is not None else None

    async def connect(self, deadline: Deadline | None = None) -> None:
        """Connect now. Raises ConnectError."""
        await self._link(deadline)

    async def call(
        self,
        path: str,
        metadata: Headers = (),
        *,
        deadline: Deadline | None = None,
        compress: str | None = None,
    ) -> BaseCall:
        """Start an RPC (see client/call.py). Raises ConnectError, and ClientError for an encoding that we cannot."""
        check_encoding(compress)
        options = self._options
        pseudo = pseudo_headers(options, path)

        async def start(call: BaseCall) -> Exchange:
            def make_headers() -> Headers:
                call.sent_headers = grpc_headers(options, metadata, "application/grpc", ACCEPTED, compress, deadline)
                return pseudo + call.sent_headers

            return await self._start(make_headers, call, deadline)

        call = GrpcCall(start, deadline, compress, options.max_message_bytes)
        await call.begin()
        return call

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        for link in (*self._draining, self._connected.link if self._connected is not None else None):
            if link is not None:
                link.close()

    async def _start(
        self, make_headers: Callable[[], Headers], listener: Listener, deadline: Deadline | None
    ) -> Exchange:
        for _ in range(_ATTEMPTS):
            link = await self._link(deadline)
            exchange = await link.start(make_headers, listener, deadline)
            if exchange is not None:
                return exchange
        why = link.why_unusable()
        raise StartError(made_here(GrpcStatus.UNAVAILABLE, f"no connection lasts until a request is sent: {why}"))

    async def _link(self, deadline: Deadline | None) -> Http2Link:
        """The connection, made first where there is none that takes a further call; one attempt for all who wait."""
        if self._connected is not None and self._connected.link is not None and self._connected.link.usable:
            return self._connected.link
        if self._connecting is None:
            limit = Deadline.after(self._options.connect_timeout)
            limit = limit if deadline is None else deadline.within(self._options.connect_timeout)
            self._connecting = asyncio.get_running_loop().create_task(connect(self._options, HTTP2, limit))
            self._connecting.add_done_callback(self._made)
        connected = await asyncio.shield(self._connecting)
        assert connected.link is not None
        return connected.link

    def _made(self, task: asyncio.Task[Connected]) -> None:
        self._connecting = None
        if task.cancelled() or task.exception() is not None:
            return
        if self._connected is not None and self._connected.link is not None:
            self._draining.append(self._connected.link)
        self._draining = [link for link in self._draining if link.retire()]
        self._connected = task.result()
