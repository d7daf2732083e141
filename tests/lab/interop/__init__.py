"""Real grpc-go and grpc-java servers, of the sources beside this file, built into .tools/interop by install_interop.sh.

    with interop_server("grpc-go", tls=True, health="NOT_SERVING") as server:
        server.port

Both programs take the same name=value arguments: `descriptors` (base64), and where wanted `cert`, `key`, `client_ca`,
`health`, `reflection`, `streams`, `kitchen`; grpc-go also `tls=1.2`.
"""

from __future__ import annotations

import base64
import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.certificates import lab_certificates
from tests.lab.greeter import descriptor_set
from tests.lab.grpc_server import read_ports
from tests.lab.processes import INTEROP_HOME, READY_SECONDS, require_program, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("grpc-go", "grpc-java")
# A virtual machine that starts soon and stays small: it lives for one test.
JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx96m", "-cp")
JAVA_CLASS_PATH = f"{INTEROP_HOME}/java/classes:{INTEROP_HOME}/java/dependency/*"


@dataclass(frozen=True)
class Options:
    """What a server is like. The default is a healthy plaintext server with health and all reflection."""

    tls: bool = False
    tls_1_2: bool = False
    """Not 1.3 (grpc-go only)."""
    client_certificates: bool = False
    """Required, and from the lab's root."""
    reflection: str = "both"
    """v1 | v1alpha | both | no"""
    health: str = "SERVING"
    """What it answers; no health service where empty."""
    max_concurrent_streams: int = 0
    kitchen: str = ""
    """The path of its protoset: kitchen.v1.Echo and kitchen.v1.Script are served too."""

    def arguments(self) -> list[str]:
        """As the programs take them."""
        certificates = lab_certificates()
        given = {
            "descriptors": base64.b64encode(descriptor_set()).decode(),
            "cert": self.tls and certificates.good.cert,
            "key": self.tls and certificates.good.key,
            "client_ca": self.client_certificates and certificates.ca,
            "tls": self.tls_1_2 and "1.2",
            "health": self.health,
            "reflection": self.reflection,
            "streams": self.max_concurrent_streams,
            "kitchen": self.kitchen,
        }
        return [f"{name}={value}" for name, value in given.items() if value]


@dataclass(frozen=True)
class InteropServer:
    """A running server."""

    program: str
    options: Options
    port: int
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def interop_server(program: str, **options: Any) -> Iterator[InteropServer]:
    """One server of PROGRAMS with these Options, until the block ends."""
    chosen = Options(**options)
    built = require_program(program)
    java = () if program == "grpc-go" else (require_program("java"), *JAVA_OPTIONS, JAVA_CLASS_PATH)
    start = [*java, "lab.InteropServer"] if java else [built]
    with tempfile.TemporaryFile(prefix=f"lab-{program}-") as log:
        child = subprocess.Popen(
            [*start, *chosen.arguments()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        try:
            port = int(read_ports(child, log))
            if java:
                _warm_up(port, chosen)
            yield InteropServer(program, chosen, port, child)
        finally:
            stop(child)
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()


def _warm_up(port: int, options: Options) -> None:
    """The first call of a virtual machine loads classes for a second or more, and a slow answer is worth a warning."""
    import grpc

    if options.tls:
        certificates = lab_certificates()
        pair = (certificates.good.key.read_bytes(), certificates.good.cert.read_bytes())
        credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes(), *pair)
        channel = grpc.secure_channel(f"localhost:{port}", credentials)
    else:
        channel = grpc.insecure_channel(f"localhost:{port}")
    with channel, contextlib.suppress(grpc.RpcError):
        channel.unary_unary("/lab.Warm/Up", bytes, bytes)(b"", timeout=READY_SECONDS)
