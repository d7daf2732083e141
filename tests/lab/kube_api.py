"""An API server of ours over real HTTP(S): discovery, paged lists, objects by name, and any fault that it is told.

with running_kube_api(objects) as api:
    api.fail("pods", Fault(403))
    connect(kubeconfig=str(api.kubeconfig(tmp_path)))

It knows GET, tunnels to pods (see port_forward.py), and the question whether one may do something. `api.requests` has
every request that came, whatever its method.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.kinds import KINDS, Kind, kind_of
from tests.lab import port_forward
from tests.lab.certificates import KeyPair, lab_certificates
from tests.lab.kube_api_http import Handler
from tests.lab.processes import LOOPBACK

TOKEN = "lab-token-that-nobody-may-see"
BUILT_IN = ("", "apps", "discovery.k8s.io", "networking.k8s.io")
Manifest = dict[str, Any]


@dataclass
class Fault:
    """What one resource answers instead of what it has."""

    status: int = 0
    """Of the HTTP answer; 0 with one of the ways below."""
    way: str = ""
    """"truncated", "dropped", "slow", "dripping", "html", or "not-json"."""
    times: int = -1
    """How often, before it recovers; -1: always."""
    page: int | None = None
    """Only this page of a list, counted from 1."""
    namespace: str | None = None
    """Only in this namespace; empty: only the list of all namespaces."""
    headers: Mapping[str, str] = field(default_factory=dict)


class KubeApi(ThreadingHTTPServer):
    """The server and what it holds."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, tls: bool, aggregated: bool, versions: Mapping[Kind, tuple[str, ...]], certificate: KeyPair | None = None
    ) -> None:
        super().__init__((LOOPBACK, 0), Handler)
        self.port: int = self.server_address[1]
        self.tls = tls
        self.aggregated = aggregated
        self.requests: list[str] = []
        """`GET /api/v1/pods?limit=500`."""
        self.headers: list[dict[str, str]] = []
        self.tokens = {TOKEN}
        self.stopping = threading.Event()
        self.pod_ports: dict[tuple[str, str, int], int] = {}
        """Which port of this machine is the port of that pod: (namespace, pod, port)."""
        self.port_forward_protocols: tuple[str, ...] = (port_forward.V4,)
        self.tunnels_open = 0
        self.denied: set[tuple[str, str]] = set()
        """What a review says no to: (verb, "pods/portforward")."""
        self.reviews: list[dict[str, str]] = []
        self.served = {kind: kind.versions[:1] for kind in KINDS if kind.group in BUILT_IN} | dict(versions)
        self.objects: dict[Kind, dict[tuple[str, str], Manifest]] = {kind: {} for kind in self.served}
        self._faults: dict[str, list[Fault]] = {}
        self._context = lab_certificates().server_context(certificate) if tls else None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.port}"

    def add(self, *objects: Manifest) -> None:
        """Objects, with their namespaces; serves their kinds at their version if it did not before."""
        for raw in objects:
            kind = kind_of(raw["apiVersion"], raw["kind"])
            assert kind is not None, raw["kind"]
            self.served.setdefault(kind, (raw["apiVersion"].rpartition("/")[2],))
            namespace = text_at(raw, "metadata", "namespace") if kind.namespaced else ""
            self.objects.setdefault(kind, {})[namespace, raw["metadata"]["name"]] = raw

    def fail(self, resource: str, fault: Fault) -> None:
        """`resource` is the word in the path (`pods`), or `discovery` or `version`."""
        self._faults.setdefault(resource, []).append(fault)

    def fault_of(self, resource: str, namespace: str, page: int) -> Fault | None:
        """The fault of this request, used up by one."""
        with self._lock:
            for fault in self._faults.get(resource, ()):
                here = fault.namespace is None or fault.namespace == namespace
                if here and fault.page in (None, page) and fault.times:
                    fault.times -= 1
                    return fault
        return None

    @contextlib.contextmanager
    def tunnel(self) -> Iterator[None]:
        """Counts the tunnels that are open."""
        with self._lock:
            self.tunnels_open += 1
        try:
            yield
        finally:
            with self._lock:
                self.tunnels_open -= 1

    def asked(self, part: str) -> list[str]:
        """The requests that have this in them."""
        return [line for line in self.requests if part in line]

    def kubeconfig(
        self,
        folder: Path,
        user: Mapping[str, Any] | None = None,
        namespace: str = "",
        cluster: Mapping[str, Any] | None = None,
    ) -> Path:
        """A kubeconfig file with the context `lab`, with the good token unless told otherwise."""
        ca = {"certificate-authority": str(lab_certificates().ca)} if self.tls else {}
        whole = {"server": self.url, **ca, **(cluster or {})}
        return write_kubeconfig(folder / "kubeconfig.yaml", whole, user or {"token": TOKEN}, namespace)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the thread of the connection, so that a slow handshake keeps nobody else waiting."""
        if self._context is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


def write_kubeconfig(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any], namespace: str = "") -> Path:
    """A kubeconfig file with one context, `lab`."""
    context = {"cluster": "lab-cluster", "user": "lab-user", **({"namespace": namespace} if namespace else {})}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab-cluster", "cluster": dict(cluster)}],
        "users": [{"name": "lab-user", "user": dict(user)}],
        "contexts": [{"name": "lab", "context": context}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@contextlib.contextmanager
def running_kube_api(
    objects: Iterable[Manifest] = (),
    tls: bool = False,
    aggregated: bool = True,
    versions: Mapping[Kind, tuple[str, ...]] | None = None,
    certificate: KeyPair | None = None,
) -> Iterator[KubeApi]:
    """A server until the block ends. `versions`: the kinds with a CRD that it serves, and at which versions.
    `certificate`: with TLS, another one than the good one."""
    api = KubeApi(tls, aggregated, versions or {}, certificate)
    api.add(*objects)
    thread = threading.Thread(target=api.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.stopping.set()
        api.shutdown()
        api.server_close()
        thread.join()


def unreachable_port() -> int:
    """A port of loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
