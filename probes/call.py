"""call: the user's own call, with the schema from reflection; without a schema where the request is empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpcdoctor.client.errors import ClientError, RequestError
from grpcdoctor.client.reflection import SchemaError, method_descriptor
from grpcdoctor.model.facts.grpc import CallFacts, ReflectionFacts
from grpcdoctor.model.redact import redact
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.questions import REFLECTION
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor

NAME = "call"
QUICK = True

_EMPTY = frozenset(("", "{}"))


def wanted(session: Session) -> bool:
    return session.options.call is not None


def ready(session: Session) -> bool:
    asked = session.options.quick or session.get(ReflectionFacts) is not None
    return can_ask(session) and asked


def skipped(session: Session) -> str:
    return "HTTP/2 was not spoken"


async def run(session: Session) -> Measurement:
    service, method = split_method(session.options.call or "")
    path = f"/{service}/{method}"
    data = (session.options.data or "").strip()
    descriptor, why = await _descriptor(session, service, method)
    if descriptor is None and data.replace(" ", "") not in _EMPTY:
        return Measurement(CallFacts(path, error=why), f"no call was made: {why}")
    try:
        payload = _request(descriptor.input_type, data or "{}") if descriptor is not None else b""
    except RequestError as wrong:
        return Measurement(CallFacts(path, "reflection", error=str(wrong)), f"no call was made: {wrong}")
    # The user's own method may take as long as the whole budget allows.
    stream = await unary(session, path, frame_message(payload), session.deadline)
    reply = stream.reply(path)
    messages = stream.messages
    response = (
        redact(_response(descriptor.output_type, messages[0]), ()) if descriptor is not None and messages else None
    )
    schema = "reflection" if descriptor is not None else None
    return Measurement(CallFacts(path, schema, reply, response), problem_of(reply))


def split_method(text: str) -> tuple[str, str]:
    """`pkg.Service/Method` or `pkg.Service.Method`, with or without a leading slash."""
    word = text.strip().lstrip("/")
    service, _, method = word.rpartition("/") if "/" in word else word.rpartition(".")
    return service, method


async def _descriptor(session: Session, service: str, method: str) -> tuple[MethodDescriptor | None, str]:
    """(the method's schema, "") or (None, why there is none)."""
    known = session.get(ReflectionFacts)
    versions = (known.version,) if known is not None and known.version is not None else tuple(REFLECTION)
    if known is not None and known.version is None:
        return None, "the server offers no reflection, and --data needs a schema (leave it out for an empty request)"
    why = ""
    for version in versions:
        path = REFLECTION[version]

        async def ask(request: bytes, path: str = path) -> list[bytes]:
            return (await unary(session, path, request, session.step("call"))).messages

        try:
            return await method_descriptor(ask, service, method), ""
        except SchemaError as missing:
            why = str(missing)
    return None, why


def _request(descriptor: Descriptor, data: str) -> bytes:
    """JSON text to a serialized message. Raises RequestError."""
    from google.protobuf.message_factory import GetMessageClass

    from grpcdoctor.client.formats.json_reader import read_json
    from grpcdoctor.client.formats.types import Types

    message = GetMessageClass(descriptor)()
    try:
        read_json(data, message, Types(pool=descriptor.file.pool))
    except RequestError as wrong:
        raise RequestError(f"--data does not fit {descriptor.full_name}: {wrong}") from wrong
    return message.SerializePartialToString()


def _response(descriptor: Descriptor, payload: bytes) -> Any:
    """A serialized message as a JSON value; None where the bytes are no such message, or it has no form in JSON."""
    from grpcdoctor.client.formats.decoding import decode
    from grpcdoctor.client.formats.json_writer import to_json
    from grpcdoctor.client.formats.types import Types

    try:
        return json.loads(to_json(decode(descriptor, payload), Types(pool=descriptor.file.pool), standard=True))
    except ClientError:
        return None
