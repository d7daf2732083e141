"""Real grpcio servers in a process of their own: health and reflection on as many ports as asked for.

`python -m benchmarks.servers PORTS [CERT KEY]` prints the ports as JSON and serves until its standard input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from grpcdoctor.demo.certificates import Authority, Pair

_PROCESSES = 2


@dataclass(frozen=True)
class Tls:
    """What TLS servers present and their clients trust."""

    pair: Pair
    ca: Path


@contextmanager
def certificates() -> Iterator[Tls]:
    with TemporaryDirectory(prefix="grpcdoctor-benchmark-") as folder:
        authority = Authority(Path(folder))
        yield Tls(authority.leaf(), authority.path)


@contextmanager
def servers(ports: int, tls: Tls | None = None) -> Iterator[list[int]]:
    """`ports` distinct ports, shared out among few processes."""
    pair = (str(tls.pair.cert), str(tls.pair.key)) if tls is not None else ()
    processes = min(_PROCESSES, ports)
    with ExitStack() as stack:
        children = []
        for index in range(processes):
            share = ports // processes + (index < ports % processes)
            command = (sys.executable, "-m", "benchmarks.servers", str(share), *pair)
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(child)
            children.append(child)
            assert child.stdin is not None
            stack.callback(child.stdin.close)
        found: list[int] = []
        for child in children:
            assert child.stdout is not None
            found += json.loads(child.stdout.readline())
        yield found


def _serve(ports: int, cert: str | None = None, key: str | None = None) -> None:
    import grpc
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection

    server = grpc.server(ThreadPoolExecutor(8), options=(("grpc.so_reuseport", 0),))
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    reflection.enable_server_reflection((health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    if cert is None or key is None:
        bound = [server.add_insecure_port("127.0.0.1:0") for _ in range(ports)]
    else:
        pair = (Path(key).read_bytes(), Path(cert).read_bytes())
        credentials = grpc.ssl_server_credentials([pair])
        bound = [server.add_secure_port("127.0.0.1:0", credentials) for _ in range(ports)]
    server.start()
    print(json.dumps(bound), flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), *sys.argv[2:4])
