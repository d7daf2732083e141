"""grpc: calls a method that no server has; the answer proves gRPC without any schema."""

from __future__ import annotations

from grpcdoctor.model.facts.grpc import GrpcFacts
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.questions import UNKNOWN_METHOD
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session

NAME = "grpc"


def ready(session: Session) -> bool:
    return can_ask(session)


def skipped(session: Session) -> str:
    return "HTTP/2 was not spoken"


async def run(session: Session) -> Measurement:
    reply = (await unary(session, UNKNOWN_METHOD, frame_message(b""), session.step("call"))).reply(UNKNOWN_METHOD)
    return Measurement(GrpcFacts(reply), problem_of(reply))
