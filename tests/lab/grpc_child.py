"""The inside of the child process of tests.lab.grpc_server: builds grpcio servers from plain options."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from tests.lab.greeter import SERVICE, method_handlers

if TYPE_CHECKING:
    from collections.abc import Callable

    Interceptor = grpc.ServerInterceptor[Any, Any]
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
else:  # they are generic in the stubs only
    Interceptor, GenericHandler = grpc.ServerInterceptor, grpc.GenericRpcHandler

HEALTH = "grpc.health.v1.Health"
WORKERS = 8


def main(arguments: str) -> None:
    """Serves until standard input ends or SIGTERM comes."""
    servers = [_start(options) for options in json.loads(arguments)]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps([ports for _, ports in servers]), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


def _start(options: dict[str, Any]) -> tuple[grpc.Server, list[int]]:
    one_worker = options["saturated"] or options["stuck"]
    server = grpc.server(
        futures.ThreadPoolExecutor(1 if one_worker else WORKERS),
        interceptors=_interceptors(options),
        options=_channel_arguments(options),
        maximum_concurrent_rpcs=1 if options["saturated"] else None,
    )
    _add_services(server, options)
    ports = [_listen(server, options) for _ in range(options["ports"])]
    occupied = threading.Event()
    if one_worker:
        server.add_generic_rpc_handlers((_Occupier(occupied),))
    server.start()
    if one_worker:
        _occupy(ports[0], occupied)
    return server, ports


def _channel_arguments(options: dict[str, Any]) -> list[tuple[str, Any]]:
    arguments: list[tuple[str, Any]] = [("grpc.so_reuseport", 0), *options["arguments"].items()]
    if options["max_concurrent_streams"]:
        arguments.append(("grpc.max_concurrent_streams", options["max_concurrent_streams"]))
    return arguments


def _listen(server: grpc.Server, options: dict[str, Any]) -> int:
    address = options["unix"] and f"unix:{options['unix']}"
    if not address:
        host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        address = f"{host}:{options['port']}"
    if not options["tls"]:
        return server.add_insecure_port(address)
    cert, key, ca = (Path(path).read_bytes() for path in options["certificate"])
    required = options["client_certificates"]
    credentials = grpc.ssl_server_credentials([(key, cert)], ca if required else None, required)
    return server.add_secure_port(address, credentials)


def _add_services(server: grpc.Server, options: dict[str, Any]) -> None:
    names = []
    if options["greeter"]:
        server.add_generic_rpc_handlers((method_handlers(),))
        names.append(SERVICE)
    if options["health"]:
        servicer: Any = health.HealthServicer()
        status = health_pb2.HealthCheckResponse.ServingStatus.Value
        for name, value in {SERVICE: options["status"], "": options["status"], **options["statuses"]}.items():
            servicer.set(name, status(value))
        add: Any = health_pb2_grpc.add_HealthServicer_to_server
        add(servicer, server)
        names.append(HEALTH)
    if options["reflection"] in ("v1alpha", "both"):
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
    if options["reflection"] in ("v1", "both"):
        _add_reflection_v1(server, [*names, "grpc.reflection.v1.ServerReflection"])


def _add_reflection_v1(server: grpc.Server, names: list[str]) -> None:
    """grpc.reflection.v1, which grpcio-reflection lacks: the same messages under the other name."""
    make: Any = reflection.ReflectionServicer
    servicer = make(names)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    service = "grpc.reflection.v1.ServerReflection"
    methods = {"ServerReflectionInfo": handler}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))


def _interceptors(options: dict[str, Any]) -> list[Interceptor]:
    found: list[Interceptor] = []
    if options["refuse"]:
        found.append(_Refuse(grpc.StatusCode[options["refuse"]], options["refuse_message"]))
    if options["token"]:
        found.append(_WantToken(f"Bearer {options['token']}"))
    return found


def _answering(code: grpc.StatusCode, message: str) -> grpc.RpcMethodHandler[Any, Any]:
    def abort(requests: Any, context: grpc.ServicerContext) -> Any:
        context.abort(code, message)

    return grpc.stream_stream_rpc_method_handler(abort)


class _Refuse(Interceptor):
    """Answers every call with one status, as an application's own interceptor would."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self._handler = _answering(code, message or f"the application says {code.name}")

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        return self._handler


class _WantToken(Interceptor):
    """Lets only calls with the right authorization through."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._absent = _answering(grpc.StatusCode.UNAUTHENTICATED, "no authorization metadata")
        self._wrong = _answering(grpc.StatusCode.PERMISSION_DENIED, "this token may not")

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        pairs: Any = handler_call_details.invocation_metadata
        given = dict(pairs or ()).get("authorization")
        if given is None:
            return self._absent
        return continuation(handler_call_details) if given == self._wanted else self._wrong


class _Occupier(GenericHandler):
    """A method that never ends: holds the only worker of a saturated server."""

    def __init__(self, occupied: threading.Event) -> None:
        self._occupied = occupied

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        if str(handler_call_details.method) != "/lab.Occupier/Hold":
            return None
        return grpc.unary_unary_rpc_method_handler(self._hold)

    def _hold(self, request: Any, context: grpc.ServicerContext) -> bytes:
        self._occupied.set()
        while context.is_active():
            time.sleep(0.1)
        return b""


def _occupy(port: int, occupied: threading.Event) -> None:
    channel: Any = grpc.insecure_channel(f"127.0.0.1:{port}")
    _HOLDS.append((channel, channel.unary_unary("/lab.Occupier/Hold").future(b"")))
    occupied.wait(5)


_HOLDS: list[Any] = []
