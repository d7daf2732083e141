"""What the kitchen's methods do. Requests and answers are bytes, so that whatever came is what goes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import message_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from google.protobuf.descriptor_pool import DescriptorPool

    Handler = grpc.RpcMethodHandler[Any, Any]
    Behaviour = Callable[[Any, grpc.ServicerContext], Any]

COMPRESSIONS = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
# What depends on the client's version, or is the wire's own and no metadata.
UNTOLD = ("grpc-accept-encoding", "grpc-encoding", "accept-encoding")


def all_handlers(pool: DescriptorPool) -> list[Any]:
    """One generic handler a service, for a grpcio server."""
    script = Script(pool)
    services: dict[str, dict[str, Behaviour]] = {
        "kitchen.v1.Echo": {},
        "kitchen.v1.Raw": {},
        "kitchen.v1.Script": script.behaviours(),
        "kitchen.v1.Adorned": {},
        "pantry.v2.Pantry": {"Watch": script.watch},
        "BareService": {},
    }
    return [
        grpc.method_handlers_generic_handler(service, dict(_handlers(pool, service, special)))
        for service, special in services.items()
    ]


def _handlers(pool: DescriptorPool, service: str, special: dict[str, Behaviour]) -> Iterator[tuple[str, Handler]]:
    unwrap: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("kitchen.v1.Payload"))
    for method in pool.FindServiceByName(service).methods:
        kinds = ("stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming))
        make = getattr(grpc, "{}_{}_rpc_method_handler".format(*kinds))
        raw = method.input_type.full_name == "kitchen.v1.Payload"
        plain = (lambda data, _: unwrap.FromString(data).bytes) if raw else lambda data, _: data
        yield method.name, make(special.get(method.name, plain))


class Script:
    """kitchen.v1.Script: each request is a Plan of what to answer."""

    def __init__(self, pool: DescriptorPool) -> None:
        def message_class(name: str) -> Any:
            return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))

        self._plan, self._note = message_class("kitchen.v1.Plan"), message_class("kitchen.v1.Note")
        self._received, self._jar = message_class("kitchen.v1.Received"), message_class("pantry.v2.Jar")

    def behaviours(self) -> dict[str, Behaviour]:
        """By the method's name; Gone, which is an echo, is not among them."""
        return {
            "Unary": self._unary,
            "ServerStream": self._server_stream,
            "ClientStream": self._client_stream,
            "BidiStream": self._bidi_stream,
            "Metadata": self._metadata,
            "MetadataStream": lambda requests, context: (self._metadata(each, context) for each in requests),
        }

    def watch(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """pantry.v2.Pantry.Watch: two jars."""
        for name, colour in (("plum", 1), ("quince", 2)):
            yield self._jar(name=name, colour=colour).SerializeToString()

    def _unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        plan = self._plan.FromString(request)
        _begin(plan, context)
        answer = next(self._answers(plan), self._note().SerializeToString())
        _end(plan, context)
        return answer

    def _server_stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        plan = self._plan.FromString(request)
        _begin(plan, context)
        yield from self._answers(plan)
        _end(plan, context)

    def _client_stream(self, requests: Iterable[bytes], context: grpc.ServicerContext) -> bytes:
        plans = [self._plan.FromString(each) for each in requests]
        texts = [note.text for plan in plans for note in plan.notes]
        if plans:
            _begin(plans[-1], context)
            _end(plans[-1], context)
        answer: bytes = self._note(text=", ".join(texts), number=len(plans)).SerializeToString()
        return answer

    def _bidi_stream(self, requests: Iterable[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for number, request in enumerate(requests):
            plan = self._plan.FromString(request)
            _begin(plan, context, first=number == 0)
            yield from self._answers(plan)
            _end(plan, context)

    def _answers(self, plan: Any) -> Iterator[bytes]:
        for _ in range(plan.repeat or 1):
            yield from (note.SerializeToString() for note in plan.notes)
        if plan.characters:
            yield self._note(text="x" * plan.characters).SerializeToString()

    def _metadata(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        received = self._received()
        for name, value in sorted(context.invocation_metadata()):
            if name not in UNTOLD:
                kind = "binary" if isinstance(value, bytes) else "text"
                received.headers.add(name=name, **{kind: value})
        answer: bytes = received.SerializeToString()
        return answer


def _begin(plan: Any, context: grpc.ServicerContext, first: bool = True) -> None:
    """Waiting, compression and headers; a stream has them only once."""
    until = time.monotonic() + plan.seconds
    while context.is_active() and time.monotonic() < until:
        time.sleep(0.01)
    if first and plan.compression:
        context.set_compression(COMPRESSIONS[plan.compression])
    if first and plan.headers:
        context.send_initial_metadata(_pairs(plan.headers))


def _end(plan: Any, context: grpc.ServicerContext) -> None:
    """Trailers, and the status where it is not OK."""
    trailers = _pairs(plan.trailers)
    failure = plan.failure
    if failure.code and (failure.details or failure.raw_details):
        trailers += (("grpc-status-details-bin", failure.raw_details or _status(failure)),)
    context.set_trailing_metadata(trailers)
    if failure.code:
        context.abort(next(code for code in grpc.StatusCode if code.value[0] == failure.code), failure.message)


def _pairs(headers: Any) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((each.name, each.binary if each.name.endswith("-bin") else each.text) for each in headers)


def _status(failure: Any) -> bytes:
    """A google.rpc.Status: its fields have the numbers and types that Failure's have."""
    copy = type(failure)()
    copy.CopyFrom(failure)
    serialized: bytes = copy.SerializeToString()
    return serialized
