"""destination-credential-ignored: `credentialName` without a workloadSelector, used by a sidecar: no TLS at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._clients import client_of
from grpcdoctor.checks.policies._fixes import copied
from grpcdoctor.checks.policies._grpc import grpc_entry_ports, grpc_ports
from grpcdoctor.checks.policies._mentions import Mention, mentions_of
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.istio.destination_rules import Located
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import policy_for
from grpcdoctor.cluster.istio.virtual_services import virtual_services
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD736",
    name="destination-credential-ignored",
    severity=Severity.ERROR,
    title="a DestinationRule names a Secret for TLS, and sidecars leave the TLS out",
)
READS = ROUTE_KINDS

_ORIGINATES: Final = ("SIMPLE", "MUTUAL")
_SHARED: Final = "configmap://"
_INJECTED: Final = ("istio.io/", "pod-template-hash", "sidecar.", "controller-revision-hash")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(DESTINATION_RULE):
        return
    ports: list[tuple[ServicePort | EntryPort, str]] = [(port, port.service.full_host) for port in grpc_ports(cluster)]
    routed = cluster.once(_routed_in_mesh)
    told: set[tuple[int, str]] = set()
    for port, full in [*ports, *grpc_entry_ports(cluster)]:
        for mention in mentions_of(cluster, port) if full not in routed else ():
            workload = mention.workload
            if workload.mesh is not Mesh.SIDECAR:
                continue
            policy = policy_for(cluster, client_of(workload), port, full)
            secret = policy.find("tls", "credentialName")
            if secret is None or policy.text("tls", "mode") not in _ORIGINATES or _is_kept(secret):
                continue
            if (id(secret.object), workload.namespace) not in told:
                told.add((id(secret.object), workload.namespace))
                yield _finding(cluster, port, full, mention, secret)


def _is_kept(secret: Located) -> bool:
    return secret.text.startswith(_SHARED) or not secret.text or bool(secret.object.spec.get("workloadSelector"))


def _routed_in_mesh(cluster: Cluster) -> set[str]:
    """Hosts that a VirtualService routes for sidecars: to an egress gateway, as a rule."""
    return {host for virtual in virtual_services(cluster) if virtual.in_mesh for host in virtual.hosts}


def _finding(
    cluster: Cluster, port: ServicePort | EntryPort, full: str, mention: Mention, secret: Located
) -> Conclusion:
    item, workload = secret.object, mention.workload
    holder = port.service.object if isinstance(port, ServicePort) else port.entry
    return about(
        RULE,
        item,
        secret.path,
        f"{item.title} has credentialName and no workloadSelector, so {workload.title} sends plaintext",
        symptom=f"A sidecar drops the TLS of such a rule. {full} expects TLS, and clients get UNAVAILABLE: upstream "
        "connect error or disconnect/reset before headers. reset reason: connection termination.",
        evidence=(seen(workload.object, mention.path, mention.text), seen(item, ("spec", "workloadSelector"))),
        fixes=(_fix(secret, full, mention),),
        related=(holder, workload.object),
        confidence=0.9,
    )


def _fix(secret: Located, full: str, mention: Mention) -> Fix:
    labels = {k: v for k, v in mention.workload.labels.items() if not k.startswith(_INJECTED) and "inject" not in k}
    selector = {"matchLabels": labels or dict(mention.workload.labels)}
    item, namespace = secret.object, mention.workload.namespace
    if item.namespace == namespace:
        edit = Edit(item).set(("spec", "workloadSelector"), selector)
        return edit.fix("Select the client, and let its service account read the Secret")
    manifest = {
        "apiVersion": item.api_version,
        "kind": "DestinationRule",
        "metadata": {"name": f"{item.name}-{mention.workload.name}", "namespace": namespace},
        "spec": {**copied(item.spec), "host": full, "workloadSelector": selector},
    }
    return create(manifest, f"Give namespace {namespace} a rule that selects the client, with the Secret beside it")
