"""A real @grpc/grpc-js server (Node.js), of the packages that install_grpc_js.sh puts into .tools/grpc-js.

with grpc_js_server(tls=True) as server:
    server.port
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.certificates import lab_certificates
from tests.lab.greeter import descriptor_set
from tests.lab.grpc_server import read_ports
from tests.lab.processes import GRPC_JS_HOME, require_program, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).with_name("grpc_js_server.mjs")
KITCHEN = [str(Path(__file__).with_name(f"grpc_js_{name}.proto")) for name in ("kitchen", "larder")]


@dataclass(frozen=True)
class GrpcJsServer:
    """A running server."""

    port: int
    tls: bool

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.port


@contextlib.contextmanager
def grpc_js_server(
    tls: bool = True, reflection: bool = True, health: bool = True, status: str = "SERVING", kitchen: bool = False
) -> Iterator[GrpcJsServer]:
    """The server, until the block ends. `kitchen`: also what grpc_js_kitchen.proto and grpc_js_larder.proto have."""
    require_program("@grpc/grpc-js")
    good = lab_certificates().good
    options = {
        "home": str(GRPC_JS_HOME),
        "tls": tls,
        "cert": str(good.cert),
        "key": str(good.key),
        "reflection": reflection,
        "health": health,
        "status": status,
        "kitchen": KITCHEN if kitchen else [],
        "descriptors": base64.b64encode(descriptor_set()).decode(),
    }
    command = [require_program("node"), str(SCRIPT), json.dumps(options)]
    with tempfile.TemporaryFile(prefix="lab-grpc-js-") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        try:
            yield GrpcJsServer(int(read_ports(child, log)), tls)
        finally:
            stop(child)
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()
