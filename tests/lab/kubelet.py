"""A kubelet as far as port-forward goes, for a real kube-apiserver to hand tunnels on to.

with running_kubelet({("prod", "greeter-0", 50051): server.port}) as kubelet:
    cluster.apply([kubelet.node("node-1")])
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.lab import port_forward
from tests.lab.certificates import lab_certificates
from tests.lab.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Kubelet

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        _, namespace, pod = url.path.strip("/").split("/")
        port = int(parse_qs(url.query)["port"][0])
        opened = port_forward.upgrade(self)
        if opened is not None:
            port_forward.forward(*opened, port, self.server.pod_ports.get((namespace, pod, port)))

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class Kubelet(ThreadingHTTPServer):
    """The kubelet of one node. Like a real one that was not told otherwise it has a certificate that nobody checks."""

    daemon_threads = True

    def __init__(self, pod_ports: Mapping[tuple[str, str, int], int], context: ssl.SSLContext) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.pod_ports = pod_ports
        self._context = context

    def node(self, name: str) -> dict[str, Any]:
        """The Node object that leads to this kubelet."""
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {
                "addresses": [{"type": "InternalIP", "address": LOOPBACK}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self.server_address[1]}},
            },
        }

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the thread of the connection."""
        with contextlib.suppress(OSError), self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


@contextlib.contextmanager
def running_kubelet(pod_ports: Mapping[tuple[str, str, int], int]) -> Iterator[Kubelet]:
    """A kubelet until the block ends."""
    kubelet = Kubelet(pod_ports, lab_certificates().server_context())
    thread = threading.Thread(target=kubelet.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kubelet
    finally:
        kubelet.shutdown()
        kubelet.server_close()
        thread.join()
