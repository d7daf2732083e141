"""Real grpcio servers, in a child process (a sick gRPC stack can take its process along).

    with grpc_server(tls=True, health=False) as server:
        server.port

`python -m tests.lab.grpc_server JSON` is the child: it starts one server for each set of options, prints their ports
as one JSON line, and ends when its standard input does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from tests.lab.certificates import KeyPair, lab_certificates
from tests.lab.processes import LOOPBACK, READY_SECONDS, ROOT, StartError, stop

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Options:
    """What one server is like. The default is a healthy plaintext server with reflection and health."""

    tls: bool = False
    certificate: KeyPair | None = None
    """What it presents; the good one unless told."""
    client_certificates: bool = False
    """Required, and from the lab's root. (grpcio cannot ask without requiring: tls_servers.terminator can.)"""
    host: str = LOOPBACK
    port: int = 0
    unix: str = ""
    """The path of a socket to listen on instead."""
    ports: int = 1
    """How many ports to serve."""
    reflection: str = "v1alpha"
    """v1alpha (all that grpcio-reflection has) | v1 | both | no"""
    health: bool = True
    status: str = "SERVING"
    """Health of the whole server ("")."""
    statuses: dict[str, str] = field(default_factory=dict)
    """Health of single services."""
    greeter: bool = True
    refuse: str = ""
    """A status code's name: every call is answered with it."""
    refuse_message: str = ""
    token: str = ""
    """Without `authorization: Bearer <token>` a call is UNAUTHENTICATED, with another one PERMISSION_DENIED."""
    max_concurrent_streams: int = 0
    saturated: bool = False
    """One worker thread, for ever busy, and no queue: RESOURCE_EXHAUSTED, as grpcio's maximum_concurrent_rpcs does."""
    stuck: bool = False
    """One worker thread, for ever busy, and an endless queue: no call is ever answered."""
    arguments: dict[str, int] = field(default_factory=dict)
    """More channel arguments, such as grpc.max_connection_age_ms."""


@dataclass(frozen=True)
class GrpcServer:
    """A running server."""

    options: Options
    ports: tuple[int, ...]
    pid: int

    @property
    def port(self) -> int:
        """Its (first) port."""
        return self.ports[0]

    @property
    def address(self) -> tuple[str, int]:
        """Its (first) host and port."""
        return self.options.host, self.port


@contextlib.contextmanager
def grpc_server(**options: Any) -> Iterator[GrpcServer]:
    """One server with these Options, until the block ends."""
    with grpc_servers(Options(**options)) as (server,):
        yield server


@contextlib.contextmanager
def grpc_servers(*options: Options) -> Iterator[list[GrpcServer]]:
    """Several servers in one child process."""
    command = [sys.executable, "-m", "tests.lab.grpc_server", json.dumps([_plain(each) for each in options])]
    with tempfile.TemporaryFile(prefix="lab-grpcio-") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
        try:
            ports = read_ports(child, log)
            yield [GrpcServer(option, tuple(served), child.pid) for option, served in zip(options, ports, strict=True)]
        finally:
            stop(child)
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()


def _plain(options: Options) -> dict[str, Any]:
    """Options as JSON; certificates become paths here, for the parent owns the temporary directory."""
    certificates = lab_certificates()
    pair = options.certificate or certificates.good
    plain = dataclasses.asdict(options)
    plain["certificate"] = [str(pair.cert), str(pair.key), str(certificates.ca)]
    return plain


def read_ports(child: subprocess.Popen[bytes], log: IO[bytes]) -> Any:
    """The first line of a child's output, as JSON; READY_SECONDS at most."""
    lines: queue.Queue[bytes] = queue.Queue()
    output = child.stdout
    assert output is not None
    threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
    with contextlib.suppress(queue.Empty, ValueError):
        return json.loads(lines.get(timeout=READY_SECONDS))
    log.seek(0)
    raise StartError(f"the server did not start\n{log.read().decode(errors='replace')[-4000:]}")


if __name__ == "__main__":
    from tests.lab.grpc_child import main

    main(sys.argv[1])
