"""What the status of a failed call says of its cause, without looking at the network again.

An application's own error is the application's: nothing on the way is to blame, and saying so saves a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.proxies import answered_by_proxy
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.redact import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcdoctor.client.options import Protocol
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers

_HTTP2_ALONE: Final = "the server speaks HTTP/2, not HTTP/1.1"
_NO_SUCH_CONTENT_TYPE: Final = "code received from server: 415"
_CONNECTION_IS_FINE: Final = "the connection is fine"
# Nothing but an application, or its gRPC library, answers so (https://grpc.io/docs/guides/status-codes/).
_OF_APPLICATIONS: Final = frozenset(
    {
        GrpcStatus.INVALID_ARGUMENT, GrpcStatus.NOT_FOUND, GrpcStatus.ALREADY_EXISTS, GrpcStatus.FAILED_PRECONDITION,
        GrpcStatus.ABORTED, GrpcStatus.OUT_OF_RANGE, GrpcStatus.DATA_LOSS,
    }
)  # fmt: skip

_CARDINALITY: Final = "cardinality violation"
_UNSENDABLE: Final = ("illegal characters", "non-printable ascii characters", "empty key in the header")
_NOTHING_SENT: Final = "nothing was sent: that is no header of HTTP/2"


@dataclass(frozen=True, slots=True)
class Said:
    """Why a call failed. `fine`: the connection is, and a probe would show nothing."""

    why: str
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that failed: its status, what was sent as metadata, and what came as headers and trailers."""

    status: Status
    metadata: Headers = ()
    answer: Headers = ()

    @property
    def message(self) -> str:
        return self.status.message.lower()

    @property
    def by_proxy(self) -> bool:
        """A proxy's own answer, as far as its headers tell."""
        return answered_by_proxy(self.answer)


def said_by_status(ended: Ended) -> Said | None:
    """None where a look at the network may say more."""
    code = ended.status.code
    if code in _BY_CODE:
        return _BY_CODE[GrpcStatus(code)](ended)
    if ended.status.from_peer and code in _OF_APPLICATIONS:
        return _own(f"the server's application itself answered {ended.status.name}")
    return None


def said_over_the_web(status: Status, protocol: Protocol) -> str:
    """Of gRPC-Web and Connect, which no probe speaks."""
    if status.from_peer:
        return f"the server itself, or a proxy that speaks {protocol.value}, answered {status.name}: look in its log"
    if _HTTP2_ALONE in status.message:
        return "the server speaks HTTP/2 alone, and in clear text that has to be asked for: --http 2"
    if status.code == GrpcStatus.DEADLINE_EXCEEDED:
        return "the server takes longer than that, or does not answer at all; allow more with --timeout"
    if _NO_SUCH_CONTENT_TYPE in status.message:
        return f"the server, or the proxy before it, does not speak {protocol.value}; try another --protocol"
    return f"what answers there does not speak {protocol.value}, or went away meanwhile; is it the right host and port?"


def _own(why: str) -> Said:
    return Said(f"{_CONNECTION_IS_FINE}: {why}", fine=True)


def _unauthenticated(ended: Ended) -> Said:
    sent = next((name for name, _ in ended.metadata if is_secret_name(name)), None)
    if sent is None:
        return _own("the call needs credentials; send them: -H 'authorization: Bearer ${TOKEN}'")
    return _own(f"the credentials that were sent in {sent!r} are not accepted: expired, or for another server?")


def _permission_denied(ended: Ended) -> Said | None:
    if "rbac: access denied" in ended.message:
        return Said("an authorization policy of the mesh or proxy (Envoy RBAC) refuses the call")
    if not ended.status.from_peer:
        return None
    return _own("whoever the credentials are for may not make this call")


def _unimplemented(ended: Ended) -> Said:
    if not ended.status.from_peer or (ended.by_proxy and not ended.status.message):
        return Said("a proxy or web server answered, not the application: it has no route for this host or method")
    return _own("the server has no such method (is it the right server, and this version of it?)")


def _resource_exhausted(ended: Ended) -> Said | None:
    if "larger than max" in ended.message and not ended.status.from_peer:
        return _own("the response is larger than this client takes; raise --max-message-size (grpcurl: -max-msg-sz)")
    if "larger than max" in ended.message:
        return _own("the request is larger than the server takes; its own limit has to be raised, or the request split")
    return None


def _deadline_exceeded(ended: Ended) -> Said | None:
    if ended.status.from_peer:
        return _own("the server itself says that the time was not enough; allow more with --timeout")
    return None


def _unknown(ended: Ended) -> Said | None:
    if ended.status.from_peer and not ended.by_proxy:
        return _own("UNKNOWN is what gRPC servers make of an exception in the handler: look in the server's log")
    return None


def _cancelled(ended: Ended) -> Said | None:
    if ended.status.from_peer:
        return Said("nobody here cancelled: the server did, or is overloaded (C++ and Python servers shed load so)")
    return None


def _internal(ended: Ended) -> Said | None:
    """What this client made of what it was given, or of what came: a probe would show nothing of it."""
    if ended.status.from_peer:
        return None
    if "failed to unmarshal the received message" in ended.message:
        return _own("the response cannot be read as the method's type: is the schema used here the server's own?")
    if ended.message.startswith(_CARDINALITY):
        return _own("the method does not answer just once: is the schema that is used here the server's own?")
    if any(words in ended.message for words in _UNSENDABLE):
        return Said(f"{_NOTHING_SENT}; only names that end in -bin take other values than printable ASCII", fine=True)
    return None


_BY_CODE: Final[dict[GrpcStatus, Callable[[Ended], Said | None]]] = {
    GrpcStatus.UNAUTHENTICATED: _unauthenticated,
    GrpcStatus.PERMISSION_DENIED: _permission_denied,
    GrpcStatus.UNIMPLEMENTED: _unimplemented,
    GrpcStatus.RESOURCE_EXHAUSTED: _resource_exhausted,
    GrpcStatus.DEADLINE_EXCEEDED: _deadline_exceeded,
    GrpcStatus.UNKNOWN: _unknown,
    GrpcStatus.CANCELLED: _cancelled,
    GrpcStatus.INTERNAL: _internal,
}
