"""Http2Link: one HTTP/2 connection that a channel's calls share, from dialling to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.endings import EndedError, made_here, status_of_loss, stumbled
from grpcdoctor.client.transport.exchange import Lost
from grpcdoctor.client.transport.http2_exchange import Http2Exchange
from grpcdoctor.client.transport.http2_opening import goaway_words, open_http2
from grpcdoctor.model.codes import GrpcStatus, Setting, TlsAlert
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status
    from grpcdoctor.client.transport.exchange import Listener
    from grpcdoctor.client.transport.securing import Secured
    from grpcdoctor.wire.connection import Http2Connection
    from grpcdoctor.wire.stream import Duplex
    from grpcdoctor.wire.streams import Headers

# grpc-go's internal.KeepaliveMinPingTime: a shorter interval is raised to it.
_LEAST_KEEPALIVE: Final = 10.0
_KEEPALIVE_PAYLOAD: Final = bytes(8)
_PER_FIELD: Final = 32  # what RFC 9113 §6.5.2 adds to each field's size
_ROOM_SECONDS: Final = 20.0
"""How long a call without a deadline waits where the server allows no stream at all."""


class Http2Link:
    """`start` begins an exchange; `usable` says whether another one may be begun."""

    def __init__(self, connection: Http2Connection, secured: Secured | None, keepalive: float | None) -> None:
        self.connection = connection
        self.crowded = False
        """Calls have had to wait for others to end."""
        self._secured = secured
        self._keepalive_lost = False
        self._keeping: asyncio.Task[None] | None = None
        if keepalive is not None:
            interval = max(_LEAST_KEEPALIVE, keepalive)
            self._keeping = asyncio.get_running_loop().create_task(self._keep_alive(interval))

    @classmethod
    async def open(
        cls, duplex: Duplex, secured: Secured | None, address: str, keepalive: float | None, deadline: Deadline
    ) -> Http2Link:
        """Raises ConnectError."""
        return cls(await open_http2(duplex, secured, address, deadline), secured, keepalive)

    @property
    def usable(self) -> bool:
        return self.connection.usable and not self.connection.client.goaways

    @property
    def streams_allowed(self) -> int | None:
        """The peer's MAX_CONCURRENT_STREAMS; None where it sets no limit."""
        return self.connection.client.setting(Setting.MAX_CONCURRENT_STREAMS)

    async def start(
        self, make_headers: Callable[[], Headers], listener: Listener, deadline: Deadline | None
    ) -> Http2Exchange | None:
        """Begin a request as soon as the server allows one more stream; None where the connection ended before.

        Raises EndedError where it may not be begun at all."""
        await self._room(deadline)
        if not self.usable:
            return None
        headers = make_headers()
        self._check_size(headers)
        exchange = Http2Exchange(self, listener)
        self.connection.start(exchange, headers)
        return exchange

    async def _room(self, deadline: Deadline | None) -> None:
        connection = self.connection
        if connection.has_room():
            return
        self.crowded = True
        patience = deadline if deadline is not None else Deadline(float("inf"))
        if self.streams_allowed == 0:
            patience = patience.within(_ROOM_SECONDS)
        if not await connection.until(lambda: connection.has_room() or not self.usable, patience) and self.usable:
            if deadline is not None and deadline.expired:
                words = "context deadline exceeded: the server allowed no further stream in time"
                raise EndedError(made_here(GrpcStatus.DEADLINE_EXCEEDED, words))
            words = "the server allows no streams: its MAX_CONCURRENT_STREAMS is 0"
            raise EndedError(made_here(GrpcStatus.UNAVAILABLE, words))

    def _check_size(self, headers: Headers) -> None:
        limit = self.connection.client.setting(Setting.MAX_HEADER_LIST_SIZE)
        if limit is None:
            return
        if sum(len(name) + len(value) + _PER_FIELD for name, value in headers) > limit:
            words = f"header list size to send violates the maximum size ({limit} bytes) set by server"
            raise EndedError(made_here(GrpcStatus.INTERNAL, words))

    def why_unusable(self) -> str:
        """In words, where `usable` is False."""
        goaways = self.connection.client.goaways
        if goaways:
            return goaway_words(goaways[0])
        return self._status_of("reset" if self.connection.reset_by_peer else "closed").message

    async def drain(self) -> None:
        """Wait until the socket takes more."""
        await self.connection.duplex.drain()

    def loss(self, exchange: Http2Exchange, why: str) -> Lost:
        """How an exchange was lost (HttpStream.lose names the reasons)."""
        client = self.connection.client
        goaway = client.goaways[0] if client.goaways else None
        if why == "goaway" and any(exchange.id > each.last_stream_id for each in client.goaways):
            return Lost(status_of_loss(why, goaway, None, None), unprocessed=True)
        if why == "goaway":  # the connection ended after it
            why = "reset" if self.connection.reset_by_peer else "closed"
        return Lost(self._status_of(why))

    def _status_of(self, why: str) -> Status:
        client = self.connection.client
        if self.connection.bug is not None:
            return stumbled(self.connection.bug)
        goaway = client.goaways[0] if client.goaways else None
        why = "keepalive" if self._keepalive_lost else why
        return status_of_loss(why, goaway, client.violation, self._alert_words())

    def _alert_words(self) -> str | None:
        alerts = self._secured.client.alerts if self._secured is not None else []
        if not alerts or alerts[-1] == TlsAlert.CLOSE_NOTIFY:
            return None
        from grpcdoctor.client.transport.securing import alert_words

        return alert_words(alerts[-1])

    async def _keep_alive(self, interval: float) -> None:
        """PING when nothing was heard for `interval` seconds while calls are open; as long a wait for the answer."""
        connection = self.connection
        while connection.usable:
            silent = monotonic() - connection.heard_at
            if silent < interval or not connection.client.active:
                await asyncio.sleep(interval - silent if silent < interval else interval)
                continue
            sent = monotonic()
            connection.send_ping(_KEEPALIVE_PAYLOAD)
            await asyncio.sleep(interval)
            if connection.heard_at < sent:
                self._keepalive_lost = True
                connection.client.lose_all("closed")
                connection.abort()
                return

    def retire(self) -> bool:
        """Close the connection if no call is open on it; whether some still are."""
        if self.connection.usable and self.connection.client.active:
            return True
        self.close()
        return False

    def close(self) -> None:
        """End the connection, and every call on it."""
        if self._keeping is not None:
            self._keeping.cancel()
        self.connection.say_goodbye()
        self.connection.client.lose_all("closed")
        self.connection.abort()
