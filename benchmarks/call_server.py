"""A grpcio server for calls: bench.Bulk/Echo, and bench.Bulk/Stream of as many messages of 1 MiB as asked for.

`python -m benchmarks.call_server` prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

MESSAGE_BYTES = 1 << 20
ECHO, STREAM = "bench.Bulk/Echo", "bench.Bulk/Stream"


@contextmanager
def call_server() -> Iterator[str]:
    """host:port"""
    command = (sys.executable, "-m", "benchmarks.call_server")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield f"127.0.0.1:{child.stdout.readline().strip()}"
        finally:
            child.stdin.close()


def _register() -> None:
    """The schema, for reflection."""
    from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2

    file = descriptor_pb2.FileDescriptorProto(name="bench/bulk.proto", package="bench", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    service = file.service.add(name="Bulk")
    text, number, data = (f".google.protobuf.{kind}Value" for kind in ("String", "Int64", "Bytes"))
    service.method.add(name="Echo", input_type=text, output_type=text)
    service.method.add(name="Stream", input_type=number, output_type=data, server_streaming=True)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _stream(request: bytes, context: Any) -> Iterator[bytes]:
    from google.protobuf.wrappers_pb2 import BytesValue, Int64Value

    message = BytesValue(value=bytes(MESSAGE_BYTES)).SerializeToString()
    for _ in range(Int64Value.FromString(request).value):
        yield message


def _serve() -> None:
    import grpc
    from grpc_reflection.v1alpha import reflection

    _register()
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
        "Stream": grpc.unary_stream_rpc_method_handler(_stream),
    }
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Bulk", handlers),))
    reflection.enable_server_reflection(("bench.Bulk", reflection.SERVICE_NAME), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    _serve()
