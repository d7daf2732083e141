"""health: grpc.health.v1.Health/Check of the empty service name, and List (gRFC A90) beside it."""

from __future__ import annotations

import asyncio
from itertools import islice

from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import HealthFacts
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, integer_of, text
from grpcdoctor.wire.questions import HEALTH_CHECK, HEALTH_LIST
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session
from grpcdoctor.wire.streams import Stream

NAME = "health"
QUICK = True

# health.proto: HealthCheckResponse.ServingStatus
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVICES_READ = 1000  # of whatever a hostile answer holds
_SERVICES_KEPT = 100  # gRFC A90: a server refuses to list more


def ready(session: Session) -> bool:
    return can_ask(session)


def skipped(session: Session) -> str:
    return "HTTP/2 was not spoken"


async def run(session: Session) -> Measurement:
    question = frame_message(b"")
    deadline = session.step("call")
    if session.options.quick:
        check, listed = await unary(session, HEALTH_CHECK, question, deadline), None
    else:
        check, listed = await asyncio.gather(
            unary(session, HEALTH_CHECK, question, deadline), unary(session, HEALTH_LIST, question, deadline)
        )
    reply = check.reply(HEALTH_CHECK)
    facts = HealthFacts(
        check=reply,
        status=_status(check) if reply.grpc_status == GrpcStatus.OK else None,
        list=listed.reply(HEALTH_LIST) if listed is not None else None,
        statuses=_statuses(listed) if listed is not None else (),
    )
    return Measurement(facts, problem_of(reply))


def _status(stream: Stream) -> str | None:
    messages = stream.messages
    if not messages:
        return None
    try:
        return _name(integer_of(messages[0], 1))
    except ProtobufError:
        return None


def _statuses(stream: Stream) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    try:
        for message in stream.messages[:1]:
            for entry in islice(bytes_of(message, 1), _SERVICES_READ):
                service = text(next(bytes_of(entry, 1), b""))
                status = integer_of(next(bytes_of(entry, 2), b""), 1)
                found.append((service, _name(status)))
    except ProtobufError:
        pass
    return tuple(sorted(found)[:_SERVICES_KEPT])


def _name(status: int) -> str:
    return _STATUSES[status] if status < len(_STATUSES) else str(status)
