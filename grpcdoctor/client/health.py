"""grpc.health.v1.Health over a Channel: Check, List and Watch, without the protobuf package, whose import alone takes
longer than the call.

https://github.com/grpc/grpc/blob/master/doc/health-checking.md; List is gRFC A90.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.metadata import trouble_with
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.redact import redact_text, secrets_of
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.health_messages import check_request, status_in, statuses_in
from grpcdoctor.wire.protobuf import ProtobufError
from grpcdoctor.wire.questions import HEALTH_CHECK, HEALTH_LIST, HEALTH_WATCH

if TYPE_CHECKING:
    from grpcdoctor.client.call import Call, Channel
    from grpcdoctor.wire.streams import Headers

SERVING: Final = "SERVING"
SERVICE_UNKNOWN: Final = "SERVICE_UNKNOWN"
_WORDS_KEPT: Final = 2000


class ServiceHealth(NamedTuple):
    """What was answered for one service; "" is the server as a whole."""

    service: str
    serving: str | None
    """The name of a ServingStatus (its number where it has none); None where the call failed."""
    status: Status
    """How the call ended; OK for each message of Watch."""
    duration_ms: float
    answer: Headers = ()
    """The headers and trailers that came, where the call failed: they tell who answered."""

    def is_as(self, expected: str) -> bool:
        """Check says NOT_FOUND of a service for which Watch says SERVICE_UNKNOWN."""
        if expected == SERVICE_UNKNOWN and self.status.code == GrpcStatus.NOT_FOUND:
            return True
        return self.serving == expected


class HealthClient:
    """Asks over one Channel, which it does not close. `compress` names a grpc-encoding for the requests."""

    def __init__(self, channel: Channel, metadata: Headers = (), compress: str | None = None) -> None:
        self._channel = channel
        self._metadata = metadata
        self._compress = compress
        self._secrets = secrets_of(metadata)

    async def check(self, service: str, seconds: float) -> ServiceHealth:
        """Raises ConnectError where the connection was lost and cannot be had again."""
        started = monotonic()
        response, status, answer = await self._ask(HEALTH_CHECK, check_request(service), seconds)
        serving = None
        if response is not None:
            try:
                serving = status_in(response)
            except ProtobufError as unreadable:
                status = _unreadable(unreadable)
        return ServiceHealth(service, serving, status, _since(started), answer)

    async def list(self, seconds: float) -> tuple[ServiceHealth, ...]:
        """All that the server names, "" first; one that failed where it cannot list. Raises ConnectError."""
        started = monotonic()
        response, status, answer = await self._ask(HEALTH_LIST, b"", seconds)
        took = _since(started)
        if response is not None:
            try:
                return tuple(ServiceHealth(name, serving, status, took) for name, serving in statuses_in(response))
            except ProtobufError as unreadable:
                status = _unreadable(unreadable)
        return (ServiceHealth("", None, status, took, answer),)

    async def watch(self, service: str) -> AsyncIterator[ServiceHealth]:
        """Each change, the first at once; the last is how the call ended. Raises ConnectError."""
        trouble = trouble_with(self._metadata)
        if trouble is not None:
            yield ServiceHealth(service, None, Status(GrpcStatus.INTERNAL, trouble, from_peer=False), 0.0)
            return
        started = monotonic()
        call = await self._channel.call(
            HEALTH_WATCH, self._metadata, compress=self._compress, server_streaming=True
        )
        try:
            await _send(call, check_request(service))
            ok = Status(GrpcStatus.OK)
            while (message := await call.receive()) is not None:
                yield ServiceHealth(service, status_in(message), ok, _since(started))
            yield ServiceHealth(service, None, self._status_of(call), _since(started), await _answer_of(call))
        except ProtobufError as unreadable:
            yield ServiceHealth(service, None, _unreadable(unreadable), _since(started))
        finally:
            if call.status is None:
                call.cancel()

    async def _ask(self, path: str, request: bytes, seconds: float) -> tuple[bytes | None, Status, Headers]:
        """The one response and OK, or None and how the call ended, with the headers and trailers."""
        trouble = trouble_with(self._metadata)
        if trouble is not None:
            return None, Status(GrpcStatus.INTERNAL, trouble, from_peer=False), ()
        deadline = Deadline.after(seconds)
        call = await self._channel.call(path, self._metadata, deadline=deadline, compress=self._compress)
        try:
            await _send(call, request)
            response = await call.receive()
            if response is not None:
                await call.receive()
            status = self._status_of(call)
        finally:
            if call.status is None:
                call.cancel()
        if status.ok and response is None:
            status = Status(GrpcStatus.INTERNAL, "the server answered OK without a message", from_peer=False)
        return (response, status, ()) if status.ok else (None, status, await _answer_of(call))

    def _status_of(self, call: Call) -> Status:
        """Freed of what a server may echo of our credentials, and not longer than anybody reads."""
        if call.status is None:
            return Status(GrpcStatus.INTERNAL, "the server sent more than one message", from_peer=False)
        return call.status._replace(message=redact_text(call.status.message, self._secrets)[:_WORDS_KEPT])


async def _send(call: Call, request: bytes) -> None:
    await call.send(request)
    await call.close_sending()


async def _answer_of(call: Call) -> Headers:
    return (*await call.headers(), *call.trailers)


def _unreadable(error: ProtobufError) -> Status:
    return Status(GrpcStatus.INTERNAL, f"the server's answer is no HealthCheckResponse: {error}", from_peer=False)


def _since(started: float) -> float:
    return (monotonic() - started) * 1000
