"""A real connect-go server, which speaks Connect, gRPC-Web and gRPC over HTTP/1.1 and HTTP/2 alike.

    with connect_go(tls=True) as port: ...

Its source, interop/connect/main.go, tells what its methods do.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from typing import TYPE_CHECKING

from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import read_ports
from tests.lab.processes import require_program, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

UNARY = "/lab.v1.Web/Unary"
STREAM = "/lab.v1.Web/Stream"
COLLECT = "/lab.v1.Web/Collect"
CHAT = "/lab.v1.Web/Chat"


def text(value: str) -> bytes:
    """A serialized google.protobuf.StringValue."""
    from google.protobuf.wrappers_pb2 import StringValue

    return StringValue(value=value).SerializeToString()


@contextlib.contextmanager
def connect_go(tls: bool = False) -> Iterator[int]:
    """Its port, until the block ends."""
    command = [require_program("connect-go")]
    if tls:
        good = lab_certificates().good
        command += [f"cert={good.cert}", f"key={good.key}"]
    with tempfile.TemporaryFile(prefix="lab-connect-go-") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        try:
            yield int(read_ports(child, log))
        finally:
            stop(child)
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()
