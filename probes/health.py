"""health: grpc.health.v1.Health/Check of the empty service name, and List (gRFC A90) beside it."""

from __future__ import annotations

import asyncio

from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import HealthFacts
from grpcdoctor.wire.health_messages import status_in, statuses_in
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import ProtobufError
from grpcdoctor.wire.questions import HEALTH_CHECK, HEALTH_LIST
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session
from grpcdoctor.wire.streams import Stream

NAME = "health"
QUICK = True

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
        return status_in(messages[0])
    except ProtobufError:
        return None


def _statuses(stream: Stream) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(statuses_in(stream.messages[0])[:_SERVICES_KEPT]) if stream.messages else ()
    except ProtobufError:
        return ()
