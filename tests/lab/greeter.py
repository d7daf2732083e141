"""The lab's own service, lab.Greeter, described in Python (no protoc) and registered so that reflection serves it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "lab.Greeter"
DEFAULT_SECONDS = 5.0
_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGES: dict[str, list[tuple[str, descriptor_pb2.FieldDescriptorProto.Type.ValueType]]] = {
    "HelloRequest": [("name", _FIELD.TYPE_STRING)],
    "HelloReply": [("message", _FIELD.TYPE_STRING)],
    "SlowRequest": [("seconds", _FIELD.TYPE_DOUBLE)],
    "FailRequest": [("code", _FIELD.TYPE_INT32), ("message", _FIELD.TYPE_STRING)],
    "CountRequest": [("limit", _FIELD.TYPE_INT32), ("interval", _FIELD.TYPE_DOUBLE)],
    "CountReply": [("number", _FIELD.TYPE_INT32)],
}
_METHODS = [  # name, request, reply, client streams, server streams
    ("SayHello", "HelloRequest", "HelloReply", False, False),
    ("Slow", "SlowRequest", "HelloReply", False, False),
    ("Fail", "FailRequest", "HelloReply", False, False),
    ("Count", "CountRequest", "CountReply", False, True),
    ("Collect", "HelloRequest", "HelloReply", True, False),
    ("Chat", "HelloRequest", "HelloReply", True, True),
]


def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """lab/greeter.proto, as protoc would have parsed it."""
    file = descriptor_pb2.FileDescriptorProto(name="lab/greeter.proto", package="lab", syntax="proto3")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields, 1):
            field = described.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL, json_name=name)
            field.type = kind
    service = file.service.add(name="Greeter")
    for name, request, reply, client_streams, server_streams in _METHODS:
        service.method.add(
            name=name,
            input_type=f".lab.{request}",
            output_type=f".lab.{reply}",
            client_streaming=client_streams,
            server_streaming=server_streams,
        )
    return file


def descriptor_set() -> bytes:
    """The same as a serialised FileDescriptorSet (what `protoc --descriptor_set_out` writes)."""
    return descriptor_pb2.FileDescriptorSet(file=[file_descriptor()]).SerializeToString()


def _register() -> dict[str, Any]:
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file_descriptor().SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"lab.{name}")) for name in _MESSAGES}


messages = _register()
"""The message classes of lab.Greeter, by name."""


def method_handlers() -> Any:
    """lab.Greeter for a grpcio server."""
    behaviours = {
        "SayHello": say_hello,
        "Slow": slow,
        "Fail": fail,
        "Count": count,
        "Collect": collect,
        "Chat": chat,
    }
    handlers = {}
    for name, request, _, client_streams, server_streams in _METHODS:
        kind = f"{'stream' if client_streams else 'unary'}_{'stream' if server_streams else 'unary'}"
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        handlers[name] = make(
            behaviours[name],
            request_deserializer=messages[request].FromString,
            response_serializer=lambda reply: reply.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def say_hello(request: Any, context: grpc.ServicerContext) -> Any:
    """Greets."""
    return messages["HelloReply"](message=f"Hello, {request.name or 'world'}!")


def slow(request: Any, context: grpc.ServicerContext) -> Any:
    """Greets after the asked number of seconds, or five; ends early when the caller has gone."""
    deadline = time.monotonic() + (request.seconds or DEFAULT_SECONDS)
    while context.is_active() and time.monotonic() < deadline:
        time.sleep(0.02)
    return messages["HelloReply"](message="Sorry for the delay")


def fail(request: Any, context: grpc.ServicerContext) -> Any:
    """Answers with the status code of the request, or of the metadata lab-code, or INTERNAL."""
    metadata = {key: value for key, value in context.invocation_metadata()}  # noqa: C416 - not plain pairs
    number = request.code or int(metadata.get("lab-code", 13))
    message = request.message or str(metadata.get("lab-message", "as you asked"))
    code = next((code for code in grpc.StatusCode if code.value[0] == number), grpc.StatusCode.INTERNAL)
    context.abort(code, message)


def count(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    """Counts to the asked limit (three unless told), with a pause between numbers."""
    for number in range(1, (request.limit or 3) + 1):
        yield messages["CountReply"](number=number)
        if request.interval:
            time.sleep(request.interval)


def collect(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
    """Greets all names at once."""
    names = [request.name for request in requests]
    return messages["HelloReply"](message=f"Hello, {', '.join(names)}!")


def chat(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    """Greets each name as it comes."""
    for request in requests:
        yield say_hello(request, context)
