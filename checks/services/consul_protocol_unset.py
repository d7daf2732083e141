"""consul-protocol-unset: Consul's mesh takes a gRPC service for TCP, or for HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import CONSUL_PROXY_DEFAULTS, CONSUL_SERVICE_DEFAULTS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD563",
    name="consul-protocol-unset",
    severity=Severity.WARNING,
    title="Consul's mesh does not know that a service speaks gRPC",
)
READS = (*ROUTE_KINDS, CONSUL_SERVICE_DEFAULTS, CONSUL_PROXY_DEFAULTS)

_INJECT: Final = "consul.hashicorp.com/connect-inject"
_SERVICE: Final = "consul.hashicorp.com/connect-service"
_H2: Final = ("grpc", "http2")
_PATH: Final[FieldPath] = ("spec", "protocol")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    shared = next((text_at(d.spec, "config", "protocol") for d in cluster.all(CONSUL_PROXY_DEFAULTS)), "")
    by_name = {(d.namespace, d.name): d for d in cluster.all(CONSUL_SERVICE_DEFAULTS)}
    for service in services(cluster):
        meshed = next((w for w in service.workloads if w.annotations.get(_INJECT) == "true"), None)
        port = next((p for p in service.ports if intent_of(cluster, p).is_grpc), None)
        if meshed is None or port is None or len(service.ports) > 1:
            continue
        name = meshed.annotations.get(_SERVICE) or service.name
        defaults = by_name.get((service.namespace, name))
        protocol = (text_at(defaults.spec, "protocol") if defaults is not None else "") or shared or "tcp"
        known = defaults is not None or (
            cluster.has_all(CONSUL_SERVICE_DEFAULTS, service.namespace) and cluster.has_all(CONSUL_PROXY_DEFAULTS)
        )
        if protocol not in _H2 and known:
            yield _finding(cluster, port, meshed, name, defaults, protocol)


def _finding(
    cluster: Cluster, port: ServicePort, meshed: Workload, name: str, defaults: Object | None, protocol: str
) -> Conclusion:
    item, path = (defaults, _PATH) if defaults is not None else (port.service.object, port.path)
    http1 = protocol == "http"
    symptom = (
        "Consul's Envoys speak HTTP/1.1 to it. Clients get UNAVAILABLE … reset reason: protocol error."
        if http1 else
        "Calls work, but Envoy hands the bytes on unread: each connection stays with one pod, and there are no gRPC "
        "metrics, retries, routes or intentions by path."
    )  # fmt: skip
    return about(
        RULE,
        item,
        path,
        f"Consul takes {name} for {protocol}, and {port.service.title} port {port.number} is a gRPC server",
        symptom=symptom,
        evidence=(
            seen(meshed.object, meshed.path("metadata", "annotations", _INJECT)),
            *(seen(hint.object, hint.path, hint.text) for hint in intent_of(cluster, port).grpc[:2]),
        ),
        fixes=(_fix(defaults, name, port.service.namespace),),
        related=(port.service.object,),
        severity=Severity.ERROR if http1 else None,
        confidence=0.9,
    )


def _fix(defaults: Object | None, name: str, namespace: str) -> Fix:
    if defaults is not None:
        return Edit(defaults).set(_PATH, "grpc").fix("Declare gRPC")
    manifest = {
        "apiVersion": "consul.hashicorp.com/v1alpha1",
        "kind": "ServiceDefaults",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"protocol": "grpc"},
    }
    return create(manifest, f"Declare that {name} speaks gRPC")
