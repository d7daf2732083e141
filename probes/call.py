"""call: the user's own call, with the schema from reflection; without a schema where the request is empty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.errors import ClientError, FormatError, NotFoundError, RequestError, SchemaError
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.methods import find_method
from grpcdoctor.model.facts.grpc import CallFacts, ReflectionFacts
from grpcdoctor.model.redact import redact
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.questions import REFLECTION
from grpcdoctor.wire.rpc import can_ask, problem_of, unary
from grpcdoctor.wire.session import Measurement, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import MethodDescriptor

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
    schema, why = await _schema(session, service, method)
    if schema is None and data.replace(" ", "") not in _EMPTY:
        return Measurement(CallFacts(path, error=why), f"no call was made: {why}")
    try:
        payload = await schema.request(data or "{}") if schema is not None else b""
    except RequestError as wrong:
        return Measurement(CallFacts(path, "reflection", error=str(wrong)), f"no call was made: {wrong}")
    # The user's own method may take as long as the whole budget allows.
    stream = await unary(session, path, frame_message(payload), session.deadline)
    reply = stream.reply(path)
    messages = stream.messages
    response = redact(await schema.response(messages[0]), ()) if schema is not None and messages else None
    known_by = "reflection" if schema is not None else None
    return Measurement(CallFacts(path, known_by, reply, response), problem_of(reply))


def split_method(text: str) -> tuple[str, str]:
    """`pkg.Service/Method` or `pkg.Service.Method`, with or without a leading slash."""
    word = text.strip().lstrip("/")
    service, _, method = word.rpartition("/") if "/" in word else word.rpartition(".")
    return service, method


@dataclass(frozen=True, slots=True)
class _Schema:
    """The method, and the types that may stand in its messages."""

    method: MethodDescriptor
    types: Types

    async def request(self, data: str) -> bytes:
        """Raises RequestError, which names the type."""

        from google.protobuf.message_factory import GetMessageClass

        def read() -> bytes:
            message = GetMessageClass(self.method.input_type)()
            read_json(data, message, self.types)
            return bytes(message.SerializePartialToString())

        try:
            return await self.types.settle(read)
        except RequestError as wrong:
            words = f"--data does not fit {self.method.input_type.full_name}: {wrong}"
            raise RequestError(words, wrong.path, wrong.offset, wrong.suggestions) from wrong

    async def response(self, payload: bytes) -> Any:
        """The message as a JSON value; None where the bytes are no such message."""
        try:
            message = decode(self.method.output_type, payload)
            return json.loads(await self.types.settle(lambda: to_json(message, self.types, json_names="camel")))
        except FormatError:
            return None


class _Asker:
    """Puts reflection's questions on the run's connection, each time as one call."""

    def __init__(self, session: Session, version: str) -> None:
        self._session = session
        self._path = REFLECTION[version]

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        body = b"".join(frame_message(question) for question in questions)
        stream = await unary(self._session, self._path, body, self._session.step("call"))
        if len(stream.messages) < len(questions):
            problem = problem_of(stream.reply(self._path)) or "too few messages"
            raise SchemaError(f"reflection gave no answer: {problem}")
        return stream.messages[: len(questions)]


async def _schema(session: Session, service: str, method: str) -> tuple[_Schema | None, str]:
    """(the method's schema, "") or (None, why there is none)."""
    known = session.get(ReflectionFacts)
    versions = (known.version,) if known is not None and known.version is not None else tuple(REFLECTION)
    if known is not None and known.version is None:
        return None, "the server offers no reflection, and --data needs a schema (leave it out for an empty request)"
    why = ""
    for version in versions:
        source = ReflectionSource.over(_Asker(session, version))
        try:
            return _Schema(await find_method(source, f"{service}/{method}"), Types(source)), ""
        except ClientError as missing:
            why = _why(missing)
    return None, why


def _why(missing: ClientError) -> str:
    words = " ".join(str(missing).split())
    close = missing.suggestions if isinstance(missing, NotFoundError) else ()
    return f"{words}; did you mean {' or '.join(close)}?" if close else words
