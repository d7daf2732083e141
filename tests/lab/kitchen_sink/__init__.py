"""Kitchen: gRPC servers with every kind of message, call, status and metadata, in one child process.

    with kitchen() as running:
        running.addresses["plain"], running.protoset, running.protos

What is served is in protos/; `kitchen.v1.Echo` answers with what it is asked, `kitchen.v1.Raw` with bytes that need not
be such a message, and `kitchen.v1.Script` does what its request says: answers, metadata, status, compression, waiting.
Servers of the same services differ in one way each (variants.py).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import read_ports
from tests.lab.kitchen_sink.schema import PROTOS, compile_protos
from tests.lab.kitchen_sink.variants import VARIANTS
from tests.lab.processes import LOOPBACK, ROOT, stop

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Kitchen:
    """Running servers, and their schema in files."""

    addresses: dict[str, str]
    """What a client dials, by the name of the variant: host:port, or the path of a socket."""
    protoset: Path
    """All files, and what they import, with comments."""
    partial_protoset: Path
    """kitchen/v1/services.proto without what it imports."""
    protos: Path = PROTOS
    """The folder of the sources."""


@contextlib.contextmanager
def kitchen() -> Iterator[Kitchen]:
    """One server for each of VARIANTS, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="grpcdoctor-lab-kitchen-") as name, tempfile.TemporaryFile() as log:
        folder = Path(name)
        protoset, partial = folder / "kitchen.protoset", folder / "partial.protoset"
        protoset.write_bytes(compile_protos())
        partial.write_bytes(compile_protos("kitchen/v1/services.proto", imports=False))
        command = [sys.executable, "-m", "tests.lab.kitchen_sink.child", _wishes(folder, protoset)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
        try:
            ports = read_ports(child, log)
            yield Kitchen(
                {name: str(port) if isinstance(port, str) else f"{LOOPBACK}:{port}" for name, port in ports.items()},
                protoset,
                partial,
            )
        finally:
            stop(child)
            for stream in (child.stdin, child.stdout):
                if stream:
                    stream.close()


def _wishes(folder: Path, protoset: Path) -> str:
    """What the child is told: the certificates are this process's, for it owns their temporary directory."""
    certificates = lab_certificates()
    presented = {variant.certificate for variant in VARIANTS.values() if variant.certificate}
    pairs = {name: getattr(certificates, name) for name in presented}
    return json.dumps(
        {
            "protoset": str(protoset),
            "socket": str(folder / "kitchen.sock"),
            "ca": str(certificates.ca),
            "certificates": {name: [str(pair.key), str(pair.cert)] for name, pair in pairs.items()},
        }
    )
