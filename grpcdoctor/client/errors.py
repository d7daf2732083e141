"""What goes wrong for a client, each kind with what its reader needs.

Exception
└── ClientError
    ├── ConnectError    no connection: the stage that failed, and why
    ├── RpcError        a call of our own (reflection) ended otherwise than OK
    ├── SchemaError     descriptors that cannot be read, linked or compiled
    │   └── NotFoundError   no such service, method, symbol or file
    ├── RequestError    the user's request does not fit its type: where, and what would
    └── FormatError     a message cannot be written in the format asked for
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers

# Part of an error's words may be a server's: they are clipped.
_WORDS_KEPT: Final = 2000


def printable(words: str) -> str:
    """Words in which there is a server's text, on one line and without anything that steers a terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in words)


class ClientError(Exception):
    """Its message is one line for the user (a server's message in it may have more)."""

    def __init__(self, why: str) -> None:
        super().__init__(why[:_WORDS_KEPT])


class Stage(str, Enum):
    """The steps to a usable connection, in order."""

    DNS = "dns"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    ALPN = "alpn"
    HTTP2 = "http/2"


class ConnectError(ClientError):
    """No connection: `stage` failed; `address` was dialled last (None before any was)."""

    def __init__(self, stage: Stage, why: str, address: str | None = None, timed_out: bool = False) -> None:
        super().__init__(why)
        self.stage = stage
        self.address = address
        self.timed_out = timed_out


class RpcError(ClientError):
    """A call that the client makes for itself ended with this status; `answer`: the headers and trailers of it."""

    def __init__(self, status: Status, answer: Headers = ()) -> None:
        super().__init__(str(status))
        self.status = status
        self.answer = answer


class SchemaError(ClientError):
    """No usable schema."""


class NotFoundError(SchemaError):
    """`kind` ("Symbol", "Service", "Method", "File") with the name `name` is not there.

    `suggestions`: known names that are close to it, best first. `caused_by`: what was found missing underneath, the
    chain from the name that was asked for to the file that is not there.
    """

    def __init__(
        self, kind: str, name: str, suggestions: Sequence[str] = (), caused_by: NotFoundError | None = None
    ) -> None:
        words = f"{kind} not found: {printable(name)}"
        super().__init__(words if caused_by is None else f"{words}\ncaused by: {caused_by}")
        self.kind = kind
        self.name = name
        self.suggestions = tuple(suggestions)
        self.caused_by = caused_by


class RequestError(ClientError):
    """Request data that cannot be read.

    `path` is the field's, as JSON writes it (`order.lines[2].price`), "" where none is to blame; `offset` counts
    characters from the start of the data; `suggestions` are field or value names close to what was written.
    """

    def __init__(
        self, why: str, path: str = "", offset: int | None = None, suggestions: Sequence[str] = ()
    ) -> None:
        super().__init__(why)
        self.path = path
        self.offset = offset
        self.suggestions = tuple(suggestions)


class FormatError(ClientError):
    """A message that has no form in the format asked for, such as a Duration out of its range in JSON."""
