"""egress-host-unregistered: a workload calls a host that its mesh, which lets out registered hosts only, lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import FieldPath, mapping_at, text_at
from grpcdoctor.cluster.intent import says_grpc
from grpcdoctor.cluster.istio.hosts import find_host, service_name_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY, SIDECAR
from grpcdoctor.cluster.labels import selector_of, selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh, Workload, distinct_workloads
from grpcdoctor.model.finding import BlindSpot, Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD662",
    name="egress-host-unregistered",
    severity=Severity.ERROR,
    title="a workload calls a host that the mesh does not let out",
)
READS = (*ROUTE_KINDS, SIDECAR)

# grpc.partner.example:443, dns:///grpc.partner.example:443; no path behind it, and a name with letters at the end.
_TARGET: Final = re.compile(
    r"^(?:dns:(?://[^/]*)?/?|grpcs?://)?((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}):(\d{2,5})$", re.IGNORECASE
)
_INSIDE: Final = ("svc", "local", "localhost", "localdomain")
_TLS_PORTS: Final = (443, 8443)
_LONGEST: Final = 270


@dataclass(frozen=True)
class _Call:
    workload: Workload
    path: FieldPath
    host: str
    port: int
    words: str


def check(cluster: Cluster) -> Iterator[Conclusion]:
    closed = cluster.once(_closers)
    done: set[tuple[str, str, int]] = set()
    for workload in distinct_workloads(cluster) if closed is not None else ():
        closer = _closer(cluster, workload)
        for call in _calls(workload) if closer is not None else ():
            key = (workload.namespace, call.host, call.port)
            if key not in done and not _is_known(cluster, call):
                done.add(key)
                yield from _judge(cluster, call, closer)


def _judge(cluster: Cluster, call: _Call, closer: tuple[Object, FieldPath] | None) -> Iterator[Conclusion]:
    item = call.workload.object
    if not cluster.has_all(SERVICE_ENTRY) or closer is None:
        why = f"{item.title} calls it, and no ServiceEntry for it was shown"
        yield BlindSpot(f"ServiceEntry for {call.host}", why, blocks_verdict=False)
        return
    protocol = "TLS" if call.port in _TLS_PORTS else "GRPC"
    manifest = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": call.host.replace(".", "-"), "namespace": call.workload.namespace},
        "spec": {
            "hosts": [call.host],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "ports": [{"number": call.port, "name": "tls" if protocol == "TLS" else "grpc", "protocol": protocol}],
        },
    }
    yield about(
        RULE,
        item,
        call.path,
        f"{item.title} calls {call.host}:{call.port}, and the mesh lets out registered hosts only",
        symptom="outboundTrafficPolicy is REGISTRY_ONLY: a call in clear gets UNAVAILABLE (14) with an empty message "
        "(the black hole answers 502), and one over TLS is reset: UNAVAILABLE (14), connection reset by peer.",
        evidence=(seen(item, call.path, call.words), seen(closer[0], closer[1], f"{closer[0].title}: REGISTRY_ONLY")),
        fixes=(create(manifest, f"Register {call.host} with a ServiceEntry"),),
        related=(closer[0],),
        confidence=0.8,
    )


def _closers(cluster: Cluster) -> dict[str, list[Object]] | None:
    """The Sidecars that close their namespace, by namespace; None where nothing at all is closed."""
    found: dict[str, list[Object]] = {}
    for item in cluster.all(SIDECAR):
        if text_at(item.raw, "spec", "outboundTrafficPolicy", "mode"):
            found.setdefault(item.namespace, []).append(item)
    return found if found or mesh_config(cluster).registry_only else None


def _closer(cluster: Cluster, workload: Workload) -> tuple[Object, FieldPath] | None:
    """What closes the mesh for this workload: a Sidecar for it, else one of its namespace, else the mesh's own."""
    if workload.mesh is not Mesh.SIDECAR:
        return None
    mesh = mesh_config(cluster)
    own = (cluster.once(_closers) or {}).get(workload.namespace, [])
    ranked = sorted(own, key=lambda item: not mapping_at(item.raw, "spec", "workloadSelector"))
    root = [] if own else (cluster.once(_closers) or {}).get(mesh.root_namespace, [])
    for item in (*ranked, *root):
        selector = selector_of({"matchLabels": mapping_at(item.raw, "spec", "workloadSelector", "labels")})
        if selects(selector, workload.labels):
            path: FieldPath = ("spec", "outboundTrafficPolicy", "mode")
            return (item, path) if text_at(item.raw, *path) == "REGISTRY_ONLY" else None
    return (mesh.object, mesh.path) if mesh.registry_only and mesh.object is not None else None


def _calls(workload: Workload) -> Iterator[_Call]:
    """Targets in variables and arguments that speak of gRPC."""
    for container in workload.containers:
        for name, value in container.environment.items():
            found = _TARGET.match(value) if len(value) <= _LONGEST else None
            spoken = says_grpc(name) or says_grpc(value.split(".")[0]) or value.lower().startswith(("dns:", "grpc"))
            if found and spoken:
                path = container.environment_path(name)
                yield _Call(workload, path, found[1].lower(), int(found[2]), f"{name}={value}")
        yield from _in_words(workload, container)


def _in_words(workload: Workload, container: Container) -> Iterator[_Call]:
    for word in container.words:
        name, equals, value = word.partition("=")
        found = _TARGET.match(value) if equals and len(value) <= _LONGEST and says_grpc(name) else None
        if found:
            yield _Call(workload, container.path, found[1].lower(), int(found[2]), word)


def _is_known(cluster: Cluster, call: _Call) -> bool:
    """Registered, or a name inside the cluster."""
    labels = call.host.split(".")
    if service_name_of(call.host) is not None or labels[-1] in _INSIDE:
        return True
    spaces = cluster.once(_namespaces)
    return labels[1] in spaces or find_host(cluster, call.host) is not None


def _namespaces(cluster: Cluster) -> frozenset[str]:
    return frozenset(item.namespace for item in cluster.all(SERVICE))
