"""reflection: the list of services, asked of v1 first and of v1alpha where that is not there."""

from __future__ import annotations

from itertools import islice

from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import ReflectionFacts, Reply
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, field, text
from grpcdoctor.wire.questions import REFLECTION
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session

NAME = "reflection"

# reflection.proto: ServerReflectionRequest.list_services = 7; ServerReflectionResponse.list_services_response = 6,
# .error_response = 7; ListServiceResponse.service = 1; ServiceResponse.name = 1; ErrorResponse.error_message = 2
_LIST_SERVICES = frame_message(field(7, b"*"))
_SERVICES_KEPT = 1000
# A hostile answer holds millions; reading them all would hold up every other target of the run.
_SERVICES_READ = 10_000
_NAME_KEPT = 500


def ready(session: Session) -> bool:
    return can_ask(session)


def skipped(session: Session) -> str:
    return "HTTP/2 was not spoken"


async def run(session: Session) -> Measurement:
    first = await _ask(session, "v1")
    if first.services or first.error is not None or not _may_have_another(first.v1):
        return _measured(first, first.v1)
    second = await _ask(session, "v1alpha")
    both = ReflectionFacts(first.v1, second.v1alpha, second.version, second.services, second.error)
    return _measured(both, second.v1alpha)


def _measured(facts: ReflectionFacts, reply: Reply | None) -> Measurement:
    if facts.version is not None:
        return Measurement(facts, facts.error)
    return Measurement(facts, problem_of(reply) if reply is not None else None)


def _may_have_another(reply: Reply | None) -> bool:
    """Only a server that answered, and knows no v1, is asked for v1alpha."""
    return reply is not None and reply.http_status is not None and reply.grpc_status != GrpcStatus.OK


async def _ask(session: Session, version: str) -> ReflectionFacts:
    path = REFLECTION[version]
    stream = await unary(session, path, _LIST_SERVICES, session.step("call"))
    reply = stream.reply(path)
    services: list[str] = []
    error = None
    try:
        for message in stream.messages[:1]:
            named = (text(next(bytes_of(s, 1), b"")) for listing in bytes_of(message, 6) for s in bytes_of(listing, 1))
            services += [name[:_NAME_KEPT] for name in islice(named, _SERVICES_READ)]
            for failure in bytes_of(message, 7):
                error = redact_text(text(next(bytes_of(failure, 2), b"")))[:500]
    except ProtobufError as broken:
        error = f"the answer is no reflection message: {broken}"
    spoken = version if stream.messages else None
    replies: dict[str, Reply | None] = {"v1": None, "v1alpha": None, version: reply}
    names = tuple(sorted(services)[:_SERVICES_KEPT])
    return ReflectionFacts(replies["v1"], replies["v1alpha"], spoken, names, error)
