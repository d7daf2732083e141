"""One call on the run's connection, as the question probes put it."""

from __future__ import annotations

from grpcdoctor.model.codes import GrpcStatus, Http2Error, name_of
from grpcdoctor.model.facts.grpc import Reply
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.questions import call_headers
from grpcdoctor.wire.session import Session
from grpcdoctor.wire.streams import Stream


def can_ask(session: Session) -> bool:
    """There is a connection on which HTTP/2 was spoken."""
    first = session.connection.first if session.connection is not None else None
    return first is not None and first.spoken == "h2"


async def unary(session: Session, path: str, body: bytes, deadline: Deadline) -> Stream:
    """Put a question once the peer's SETTINGS are acknowledged: before that, limits do not hold yet."""
    connection = session.connection
    assert connection is not None
    await connection.settled(deadline)
    seconds = deadline.remaining
    headers = call_headers(session.target, session.over_tls, path, seconds, session.metadata)
    stream = await connection.ask(headers, body, deadline)
    stream.deadline_ms = seconds * 1000
    return stream


def problem_of(reply: Reply) -> str | None:
    """What kept the reply from being OK, in a few words; None for an answer of any application status but trouble.

    UNIMPLEMENTED and NOT_FOUND are answers: they prove that gRPC works.
    """
    if reply.reset_code is not None:
        return f"RST_STREAM {name_of(Http2Error, reply.reset_code)}"
    if reply.lost is not None:
        return f"no answer: {reply.lost}"
    if reply.grpc_status is None:
        return f"HTTP status {reply.http_status} without grpc-status"
    if reply.grpc_status in (GrpcStatus.OK, GrpcStatus.UNIMPLEMENTED, GrpcStatus.NOT_FOUND):
        return None
    message = f": {reply.grpc_message}" if reply.grpc_message else ""
    return f"{name_of(GrpcStatus, reply.grpc_status)}{message}"
