"""HttpStream: what the HTTP/2 engine knows of one request, whoever reads what comes back on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers


class HttpStream(ABC):
    """The engine gives it an id and a send window when it is opened, and forgets it once it is `closed`."""

    def __init__(self, window: int) -> None:
        self.id = 0
        self.send_window = 0
        self.unsent: bytes | memoryview = b""
        self.end_wanted = False
        """END_STREAM goes out with the last of `unsent`."""
        self.sent_end = False
        self._window = self._window_left = window
        """What the peer may send at once, and what is left of it (RFC 9113 §6.9)."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Nothing more is expected of the peer."""

    @property
    @abstractmethod
    def answered(self) -> bool:
        """Response headers came."""

    @abstractmethod
    def receive_headers(self, headers: Headers, end_stream: bool) -> None:
        """The response's headers, interim ones, or the trailers."""

    @abstractmethod
    def receive_data(self, data: bytes, end_stream: bool) -> None:
        """The payload of a DATA frame, without padding."""

    @abstractmethod
    def reset(self, code: int) -> None:
        """RST_STREAM came."""

    @abstractmethod
    def lose(self, why: str) -> None:
        """Nothing more can come: "goaway", "protocol-error", "closed", "reset", "timeout"."""

    @abstractmethod
    def window_to_give(self) -> int:
        """The WINDOW_UPDATE that is due now, accounted for as given; 0 where none is."""

    def sent(self) -> None:  # noqa: B027  a probe waits for answers only
        """All of `unsent` has gone out."""

    def take_window(self, length: int) -> bool:
        """Account for a DATA frame of this length; False where it is more than the peer was allowed."""
        self._window_left -= length
        return self._window_left >= 0
