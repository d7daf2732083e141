"""An HTTP exchange: one request and its response, both open at once; what RPC protocols are made of.

The one who listens is called as things come, and never again after `on_lost` or the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers


class Lost(NamedTuple):
    """The response will not be complete: the status that grpc-go gives such a call."""

    status: Status
    unprocessed: bool = False
    """The server surely did nothing with the request: it may be put again (gRFC A6, "Transparent Retries")."""
    crowded: bool = False
    """It was refused where our calls fill all that MAX_CONCURRENT_STREAMS allows: there will be room by and by."""


class Listener(Protocol):
    """Whoever reads the response."""

    held: int
    """Bytes that came and that nobody has taken yet: for these the peer gets no further window."""

    def on_headers(self, headers: Headers, end: bool) -> None:
        """The response's headers with `:status`; an interim 1xx response is told too. `end`: nothing follows."""
        ...

    def on_data(self, data: bytes) -> None: ...

    def on_trailers(self, headers: Headers) -> None:
        """Trailers, and with them the end."""
        ...

    def on_end(self) -> None:
        """The end, without trailers."""
        ...

    def on_lost(self, lost: Lost) -> None: ...


class Exchange(Protocol):
    """One that was started."""

    async def send(self, data: bytes) -> bool:
        """Part of the request's body; waits until the peer takes it. False where the exchange is over."""
        ...

    def end_sending(self) -> None:
        """The request is complete."""
        ...

    def took(self) -> None:
        """The listener holds less than before."""
        ...

    def cancel(self, code: int) -> None:
        """Give it up, with this HTTP/2 error code; the listener is told nothing more."""
        ...
