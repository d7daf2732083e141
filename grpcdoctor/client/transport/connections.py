"""Connections: those that a channel's calls go over; made when they are needed, and anew when they were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.connecting import HTTP1, Connected, connect
from grpcdoctor.client.transport.endings import EndedError, made_here
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.exchange import Exchange, Listener
    from grpcdoctor.client.transport.http1_exchange import Http1Exchange
    from grpcdoctor.client.transport.http2_link import Http2Link
    from grpcdoctor.wire.streams import Headers

# A server that ends each connection before a request can be put on it is not asked for ever.
_ATTEMPTS: Final = 3


class Connections:
    """Over HTTP/2 all exchanges share one connection; over HTTP/1.1 each has one for itself while it lasts."""

    def __init__(self, options: ChannelOptions, http_version: str | None) -> None:
        self._options = options
        self._http_version = http_version
        self.latest: Connected | None = None
        self._connecting: asyncio.Task[Connected] | None = None
        self._unclaimed: Connected | None = None
        self._idle: list[Connected] = []
        """HTTP/1.1 connections that are free."""
        self._busy: list[Connected] = []
        self._draining: list[Http2Link] = []
        """Connections that take no further call, while calls on them go on."""

    async def connect(self, deadline: Deadline | None) -> None:
        """Raises ConnectError."""
        connected = await self._get(deadline)
        if connected.link is None:
            self._idle.append(connected)

    async def are_http1(self, deadline: Deadline | None) -> bool:
        """What is spoken, which may show only once there is a connection. Raises ConnectError."""
        if self.latest is None:
            await self.connect(deadline)
        return self._is_http1

    async def start(
        self, make_headers: Callable[[], Headers], listener: Listener, deadline: Deadline | None
    ) -> Exchange:
        """Raises ConnectError, EndedError."""
        why = ""
        for _ in range(_ATTEMPTS):
            connected = await self._get(deadline)
            if connected.link is None:
                return self._start_http1(connected, make_headers(), listener)
            exchange = await connected.link.start(make_headers, listener, deadline)
            if exchange is not None:
                return exchange
            why = connected.link.why_unusable()
        raise EndedError(made_here(GrpcStatus.UNAVAILABLE, f"no connection lasts until a request is sent: {why}"))

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        latest = self.latest.link if self.latest is not None else None
        for link in (*self._draining, latest):
            if link is not None:
                link.close()
        for connected in (*self._idle, *self._busy, self._unclaimed):
            if connected is not None:
                connected.duplex.abort()

    async def _get(self, deadline: Deadline | None) -> Connected:
        """One that takes a further exchange."""
        if self.latest is not None and self.latest.link is not None and self.latest.link.usable:
            return self.latest
        while self._idle:
            connected = self._idle.pop()
            if not connected.reached.stream.ended:
                return connected
        if self._is_http1:
            self.latest = await connect(self._options, self._http_version, self._limit(deadline))
            return self.latest
        connected = await self._make_shared(deadline)
        if connected.link is not None:
            return connected
        if self._unclaimed is connected:  # ALPN chose HTTP/1.1, and of all who waited one may have it
            self._unclaimed = None
            return connected
        return await self._get(deadline)

    @property
    def _is_http1(self) -> bool:
        """Known to be HTTP/1.1, so each exchange needs a connection of its own."""
        return self._http_version == HTTP1 or (self.latest is not None and self.latest.link is None)

    async def _make_shared(self, deadline: Deadline | None) -> Connected:
        """One attempt for all who wait."""
        if self._connecting is None:
            making = connect(self._options, self._http_version, self._limit(deadline))
            self._connecting = asyncio.get_running_loop().create_task(making)
            self._connecting.add_done_callback(self._made)
        return await asyncio.shield(self._connecting)

    def _limit(self, deadline: Deadline | None) -> Deadline:
        seconds = self._options.connect_timeout
        return Deadline.after(seconds) if deadline is None else deadline.within(seconds)

    def _made(self, task: asyncio.Task[Connected]) -> None:
        self._connecting = None
        if task.cancelled() or task.exception() is not None:
            return
        if self.latest is not None and self.latest.link is not None:
            self._draining.append(self.latest.link)
        self._draining = [link for link in self._draining if link.retire()]
        self.latest = task.result()
        self._unclaimed = self.latest if self.latest.link is None else None

    def _start_http1(self, connected: Connected, headers: Headers, listener: Listener) -> Http1Exchange:
        from grpcdoctor.client.transport.http1_exchange import Http1Exchange

        self._busy.append(connected)

        def over(reusable: bool) -> None:
            if connected in self._busy:
                self._busy.remove(connected)
            if reusable:
                self._idle.append(connected)

        return Http1Exchange(connected.duplex, headers, listener, over)
