"""HttpChannel: calls over HTTP, in the dialect of gRPC, gRPC-Web or Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.transport.base_call import BaseCall
from grpcdoctor.client.transport.compression import check_encoding
from grpcdoctor.client.transport.connections import Connections
from grpcdoctor.client.transport.dialects import Streaming, dialect_of
from grpcdoctor.client.transport.request_headers import pseudo_headers

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.exchange import Exchange
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers


class HttpChannel:
    """See client/call.py. Raises ClientError for an HTTP version that the protocol does not go over."""

    def __init__(self, options: ChannelOptions) -> None:
        self._options = options
        self._dialect = dialect_of(options.protocol)
        self._connections = Connections(options, self._dialect.http_version(options.http_version))

    @property
    def connection(self) -> ConnectionFacts | None:
        """The one in use, or used last; None before there was one."""
        latest = self._connections.latest
        return latest.facts() if latest is not None else None

    @property
    def streams_allowed(self) -> int | None:
        """How many calls at once the server allows; None without a limit, and where each has its own connection."""
        latest = self._connections.latest
        return latest.link.streams_allowed if latest is not None and latest.link is not None else None

    async def connect(self, deadline: Deadline | None = None) -> None:
        """Connect now. Raises ConnectError."""
        await self._connections.connect(deadline)

    async def call(
        self,
        path: str,
        metadata: Headers = (),
        *,
        deadline: Deadline | None = None,
        compress: str | None = None,
        client_streaming: bool = False,
        server_streaming: bool = False,
    ) -> BaseCall:
        """Start an RPC (see client/call.py). Raises ConnectError, and ClientError for what the protocol cannot."""
        check_encoding(compress)
        streaming = Streaming(client_streaming, server_streaming)
        await self._check_streaming(streaming, deadline)
        options, dialect = self._options, self._dialect
        pseudo = pseudo_headers(options, path)

        async def start(call: BaseCall) -> Exchange:
            def make_headers() -> Headers:
                call.sent_headers = dialect.headers(options, metadata, compress, deadline, streaming)
                return pseudo + call.sent_headers

            return await self._connections.start(make_headers, call, deadline)

        call = dialect.call(start, deadline, compress, options.max_message_bytes, streaming)
        await call.begin()
        return call

    async def _check_streaming(self, streaming: Streaming, deadline: Deadline | None) -> None:
        """Raises ClientError for what the protocol, or the version of HTTP under it, cannot do, and ConnectError."""
        name = self._options.protocol.value
        if streaming.requests and not self._dialect.streams_requests:
            raise ClientError(
                f"{name} cannot stream requests: call this method over gRPC, or use one that takes a single request"
            )
        if all(streaming) and await self._connections.are_http1(deadline):
            raise ClientError(
                f"a method that streams both ways needs HTTP/2, and this is {name} over HTTP/1.1; say --http 2"
            )

    async def close(self) -> None:
        self._connections.close()
