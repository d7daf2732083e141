"""proxyless-tls-mode-label: clients speak other TLS to a proxyless server than it takes, because of its label."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import at_owner
from grpcdoctor.checks.proxyless._clients import TLS_MODE, Use, policy_for, proxyless, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.istio.destination_rules import Located, policy_of, rules_for
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.mtls import PERMISSIVE, STRICT, ServerMode, server_mode
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Evidence, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD810",
    name="proxyless-tls-mode-label",
    severity=Severity.ERROR,
    title="a proxyless server lacks the label by which it and its clients speak mTLS",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for use in uses(cluster):
        for workload in use.service.workloads if use.service is not None else ():
            owner = owner_of(cluster, workload)[0]
            if id(owner) in told or not _is_unlabelled(workload) or not isinstance(use.port, ServicePort):
                continue
            mode = policy_for(cluster, use).find("tls", "mode")
            asked = server_mode(cluster, workload, use.port.number_in(workload))
            if mode is not None and mode.text == "ISTIO_MUTUAL" and asked.mode == PERMISSIVE:
                told.add(id(owner))
                yield _plain_server(cluster, use, workload, mode)
    for workload in proxyless(cluster):
        owner = owner_of(cluster, workload)[0]
        if id(owner) not in told and _is_unlabelled(workload):
            for asked, served in _strict(cluster, workload):
                told.add(id(owner))
                yield _plain_clients(cluster, workload, asked, served)
                break


def _is_unlabelled(workload: Workload) -> bool:
    return workload.mesh is Mesh.PROXYLESS and workload.labels.get(TLS_MODE) != "istio"


def _strict(cluster: Cluster, workload: Workload) -> Iterator[tuple[ServerMode, Object]]:
    for service in services_selecting(cluster, workload):
        for port in service.ports:
            asked = server_mode(cluster, workload, port.number_in(workload))
            if asked.mode == STRICT and asked.object is not None and not _is_told(cluster, port):
                yield asked, service.object


def _is_told(cluster: Cluster, port: ServicePort) -> bool:
    """A DestinationRule has its clients speak mTLS, whatever the pods are labelled."""
    space = port.service.namespace
    full = f"{port.service.name}.{space}.svc.{mesh_config(cluster).domain}"
    return policy_of(rules_for(cluster, full, space, space), port.number).text("tls", "mode") == "ISTIO_MUTUAL"


def _plain_server(cluster: Cluster, use: Use, workload: Workload, mode: Located) -> Finding:
    client = use.target.workload
    return _finding(
        cluster,
        workload,
        f"{workload.title} serves plaintext for want of the label {TLS_MODE}, and {client.title} speaks mTLS to it",
        "gRPC cannot take both, so istiod makes PERMISSIVE plaintext for a proxyless server without the label. The "
        "client's "
        "handshake fails: UNAVAILABLE: Ssl handshake failed, WRONG_VERSION_NUMBER, or first record does not look "
        "like TLS.",
        (seen(mode.object, mode.path),),
        (mode.object, use.object, client.object),
        0.85,
    )


def _plain_clients(cluster: Cluster, workload: Workload, asked: ServerMode, service: Object) -> Finding:
    assert asked.object is not None
    return _finding(
        cluster,
        workload,
        f"{workload.title} must take mTLS by {asked.object.title}, and lacks the label {TLS_MODE}",
        "Sidecars and gateways speak mTLS only to endpoints with this label, which the injector does not set for "
        "proxyless "
        "pods. They send plaintext, and a server with xDS credentials closes the connection: UNAVAILABLE: Socket "
        "closed.",
        (seen(asked.object, asked.path),),
        (asked.object, service),
        0.75,
        Severity.WARNING,
    )


def _finding(
    cluster: Cluster,
    workload: Workload,
    message: str,
    symptom: str,
    evidence: tuple[Evidence, ...],
    related: tuple[Object, ...],
    confidence: float,
    severity: Severity | None = None,
) -> Finding:
    path: FieldPath
    owner, path = at_owner(cluster, workload, "metadata", "labels", TLS_MODE)
    return about(
        RULE,
        owner,
        path,
        message,
        symptom=symptom,
        evidence=evidence,
        fixes=(Edit(owner).set(path, "istio").fix("Add the label; the server must use xDS credentials"),),
        related=related,
        severity=severity,
        confidence=confidence,  # what credentials the server's code uses is not seen
    )
