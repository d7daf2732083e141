"""The reflection service's one stream: questions in, answers out in the same order.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md; v1 and v1alpha differ only in their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from grpcdoctor.client.errors import RpcError, SchemaError
from grpcdoctor.client.proxies import answered_by_proxy
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.questions import REFLECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcdoctor.client.call import Call, Channel
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# A server may end the stream after each answer, or at any time: it is opened anew, but not for ever.
_ATTEMPTS: Final = 3
_VERSIONS: Final = tuple(REFLECTION)
# After these another version would fare no better.
_FINAL: Final = frozenset((GrpcStatus.DEADLINE_EXCEEDED, GrpcStatus.CANCELLED, GrpcStatus.RESOURCE_EXHAUSTED))
# v1 is not there, or it never says more: v1alpha's answer counts.
_NOT_THERE: Final = frozenset((GrpcStatus.UNIMPLEMENTED, GrpcStatus.UNAVAILABLE))

NO_REFLECTION: Final = "no-reflection"
NOT_ROUTED: Final = "not-routed"
WRONG_PORT: Final = "wrong-port"
_EXPLAINED: Final = {
    NO_REFLECTION: "the server answered that it has no reflection service: register it, or give the schema in files",
    NOT_ROUTED: "a proxy on the way answered, not the server: it has no route for the reflection service",
    WRONG_PORT: "what answered is an HTTP server, but no gRPC server: the port or the host is another one's",
}


class ReflectionUnavailableError(SchemaError):
    """Nobody answers reflection here; `kind` says who told so, `explanation` what that means."""

    def __init__(self, status: Status, kind: str) -> None:
        super().__init__("server does not support the reflection API")
        self.status = status
        self.kind = kind

    @property
    def explanation(self) -> str:
        return _EXPLAINED[self.kind]


class Asker(Protocol):
    """Puts reflection requests (serialized) and gives the responses (serialized), one for each, in order. Raises
    RpcError, ReflectionUnavailableError and ConnectError."""

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]: ...


class ReflectionStream:
    """Asks over a Channel, on one stream as long as it lasts: v1 first, then v1alpha.

    v1alpha is tried whatever v1 ended with: a proxy that routes only v1alpha may answer v1 with any status
    (fullstorydev/grpcurl#434). Where both fail, v1's answer counts, but that it is not there.
    """

    def __init__(self, channel: Channel, metadata: Headers = (), deadline: Deadline | None = None) -> None:
        self._channel = channel
        self._metadata = metadata
        self._deadline = deadline
        self._call: Call | None = None
        self._answered = False
        self._version = 0

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        answers: list[bytes] = []
        first: Ended | None = None
        left = _ATTEMPTS
        while True:
            before = len(answers)
            ended = await self._ask_on(answers, questions)
            if ended is None:
                self._make_room()
                return answers
            if self._moves_on(ended.status):
                first, self._version = ended, 1
                continue
            left = _ATTEMPTS if len(answers) > before else left - 1
            if not left or not self._is_worth_another(ended.status):
                raise self._error(first, ended)

    async def _ask_on(self, answers: list[bytes], questions: Sequence[bytes]) -> Ended | None:
        """Ask what is unanswered on the stream; how the stream ended, where it did before it answered all."""
        if self._call is None:
            path = REFLECTION[_VERSIONS[self._version]]
            # Not as streaming its requests: gRPC-Web takes those that are there before the first answer is read.
            self._call = await self._channel.call(
                path, self._metadata, deadline=self._deadline, server_streaming=True
            )
        try:
            return await self._exchange(self._call, answers, questions)
        except BaseException:
            # The answers that are still to come would be taken for those to the next questions.
            self._call.cancel()
            self._call = None
            raise

    async def _exchange(self, call: Call, answers: list[bytes], questions: Sequence[bytes]) -> Ended | None:
        for question in questions[len(answers) :]:
            if not await call.send(question):
                break
        while len(answers) < len(questions):
            message = await call.receive()
            if message is None:
                self._call = None
                return await _ended(call)
            self._answered = True
            answers.append(message)
        return None

    def _make_room(self) -> None:
        """A server that allows one stream at a time lets nobody call a method while this one is open."""
        if self._call is not None and self._channel.streams_allowed == 1:
            self._call.cancel()
            self._call = None

    def _moves_on(self, status: Status) -> bool:
        return not self._answered and self._version == 0 and not status.ok and status.code not in _FINAL

    def _is_worth_another(self, status: Status) -> bool:
        """A stream that simply ended, one that had served until now, and a server that is away for a moment."""
        return status.code not in _FINAL and (status.ok or self._answered or status.code == GrpcStatus.UNAVAILABLE)

    def _error(self, first: Ended | None, last: Ended) -> RpcError | ReflectionUnavailableError:
        """`first`: how v1 ended, where v1alpha was tried after it."""
        if first is None or self._answered or first.status.code in _NOT_THERE:
            return last.error()
        self._version = 0
        return first.error()


class Ended:
    """How a stream ended that still owed answers."""

    def __init__(self, status: Status, headers: Headers) -> None:
        self.status = status
        self._headers = headers

    def error(self) -> RpcError | ReflectionUnavailableError:
        if self.status.code == GrpcStatus.UNIMPLEMENTED:
            return ReflectionUnavailableError(self.status, kind_of(self.status, self._headers))
        if self.status.ok:
            return RpcError(Status(GrpcStatus.INTERNAL, "the reflection stream ended without an answer", b"", False))
        return RpcError(self.status, self._headers)


async def _ended(call: Call) -> Ended:
    assert call.status is not None, "a call that gives no more messages is over"
    return Ended(call.status, (*await call.headers(), *call.trailers, *call.foreign_headers))


def kind_of(status: Status, headers: Headers) -> str:
    """Who said UNIMPLEMENTED. Envoy's own answer for a missing route is a 404, turned into grpc-status 12 for a gRPC
    request, without a message."""
    by_proxy = answered_by_proxy(headers)
    if not status.from_peer:
        return NOT_ROUTED if by_proxy else WRONG_PORT
    return NOT_ROUTED if by_proxy and not status.message else NO_REFLECTION
