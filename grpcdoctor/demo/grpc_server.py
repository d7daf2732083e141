"""The healthy part of every scenario: a real grpcio server with a greeter, the health service and reflection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from grpcdoctor.demo.certificates import Pair

SERVICE: Final = "demo.Greeter"


class GrpcServer:
    """Listens on loopback from the start, on a port of the system's choice."""

    def __init__(self, pair: Pair | None = None, *, client_ca: bytes | None = None, serving: bool = True) -> None:
        pool, messages = _greeter()
        # so_reuseport off: two demos at the same time must never share a port.
        self._server = grpc.server(ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers((_handlers(messages),))
        health_pb2_grpc.add_HealthServicer_to_server(_health(serving), self._server)  # type: ignore[no-untyped-call]
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server, pool)
        if pair is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._server.add_secure_port("127.0.0.1:0", _credentials(pair, client_ca))
        self._server.start()

    def stop(self) -> None:
        """Returns when the port is free again."""
        self._server.stop(grace=None).wait()


def _credentials(pair: Pair, client_ca: bytes | None) -> grpc.ServerCredentials:
    key_and_chain = (pair.key.read_bytes(), pair.cert.read_bytes())
    return grpc.ssl_server_credentials([key_and_chain], client_ca, require_client_auth=client_ca is not None)


class _Health(health.HealthServicer):
    """Without List (gRFC A90), as grpcio's own, but without its traceback in the log whenever somebody asks."""

    def List(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not implemented!")


def _health(serving: bool) -> health.HealthServicer:
    servicer = _Health()
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    servicer.set("", status)
    servicer.set(SERVICE, status)
    return servicer


def _greeter() -> tuple[descriptor_pool.DescriptorPool, dict[str, Any]]:
    """demo/greeter.proto in a pool of its own, beside the health service, and its message classes."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(name="demo/greeter.proto", package="demo", syntax="proto3")
    for message, field in (("HelloRequest", "name"), ("HelloReply", "message")):
        file.message_type.add(name=message).field.add(
            name=field,
            number=1,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    method = file.service.add(name="Greeter").method.add(name="SayHello")
    method.input_type, method.output_type = ".demo.HelloRequest", ".demo.HelloReply"
    pool.AddSerializedFile(file.SerializeToString())
    found = (pool.FindMessageTypeByName(f"demo.{message.name}") for message in file.message_type)
    return pool, {described.name: message_factory.GetMessageClass(described) for described in found}


def _handlers(messages: dict[str, Any]) -> grpc.GenericRpcHandler[Any, Any]:
    def say_hello(request: Any, _context: grpc.ServicerContext) -> Any:
        return messages["HelloReply"](message=f"Hello, {request.name or 'world'}!")

    method = grpc.unary_unary_rpc_method_handler(
        say_hello,
        request_deserializer=messages["HelloRequest"].FromString,
        response_serializer=lambda reply: reply.SerializeToString(),
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"SayHello": method})
