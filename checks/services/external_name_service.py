"""external-name-service: a VirtualService routes gRPC to an ExternalName Service, which Istio has no cluster for."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import find_host, service_name_of
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD518",
    name="external-name-service",
    severity=Severity.ERROR,
    title="gRPC is routed to an ExternalName Service of a host that the mesh does not know",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, int]] = set()
    for rule in routes(cluster):
        for backend in rule.backends if rule.by_istio and rule.is_http else ():
            service = backend.service
            if service is None or not service.external_name or (id(rule.object), id(service)) in done:
                continue
            if _is_grpc(cluster, rule, backend) and find_host(cluster, service.external_name.lower()) is None:
                done.add((id(rule.object), id(service)))
                yield _judge(cluster, rule, backend, service)


def _is_grpc(cluster: Cluster, rule: RouteRule, backend: Backend) -> bool:
    if rule.looks_like_grpc:
        return True
    return isinstance(backend.port, ServicePort) and intent_of(cluster, backend.port).is_grpc


def _judge(cluster: Cluster, rule: RouteRule, backend: Backend, service: Service) -> Conclusion:
    name = service.external_name
    inside = service_name_of(name)
    known = cluster.has_all(SERVICE, inside[0]) if inside is not None else cluster.has_all(SERVICE_ENTRY)
    if not known:
        return BlindSpot(
            f"whether the mesh knows {name}, to which {service.title} refers",
            "no ServiceEntry (or Service) for it is among the objects that were shown",
            decide=f"kubectl get serviceentries -A | grep -F {name}",
            blocks_verdict=False,
        )
    return about(
        RULE,
        service.object,
        ("spec", "externalName"),
        f"{rule.object.title} routes gRPC to {service.title}, an alias of {name}, unknown to the mesh",
        symptom="Istio makes no cluster for an ExternalName Service; a route to it works only where the host that it "
        "names is a Service or a ServiceEntry. Clients get UNAVAILABLE with an empty message.",
        evidence=(seen(rule.object, backend.path),),
        fixes=(_fix(service, backend),),
        related=(rule.object,),
        confidence=0.9,
    )


def _fix(service: Service, backend: Backend) -> Fix:
    number = backend.port_number or 443
    manifest = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": service.name, "namespace": service.namespace},
        "spec": {
            "hosts": [service.external_name],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "ports": [{"number": number, "name": "grpc", "protocol": "GRPC"}],
        },
    }
    tls = "; a DestinationRule with tls.mode SIMPLE if it takes TLS" if number == 443 else ""
    return create(manifest, f"Make {service.external_name} known to the mesh{tls}")
