"""load-balancer-alpn-missing: an NLB ends TLS without ALPN, and gRPC clients insist on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import routes
from grpcdoctor.cluster.services import Service, ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD560",
    name="load-balancer-alpn-missing",
    severity=Severity.ERROR,
    title="an AWS load balancer ends TLS and agrees on no h2",
    explains=("alpn-missing", "alpn-not-h2"),
)
READS = ROUTE_KINDS

_AWS: Final = "service.beta.kubernetes.io/aws-load-balancer-"
_CERTIFICATE: Final = f"{_AWS}ssl-cert"
_ALPN: Final = f"{_AWS}alpn-policy"
_WITHOUT_H2: Final = ("", "None", "HTTP1Only")
_NLB_TYPES: Final = ("nlb", "nlb-ip", "external")
_NLB_CLASSES: Final = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    fronts = cluster.once(_grpc_fronts)
    for service in services(cluster):
        item = service.object
        if not item.annotations.get(_CERTIFICATE) or not _is_nlb(service):
            continue
        policy = item.annotations.get(_ALPN, "")
        for port in _tls_ports(service) if policy in _WITHOUT_H2 else ():
            proof = _proof(cluster, port, fronts)
            if proof:
                yield _finding(port, policy, proof)
                break


def _is_nlb(service: Service) -> bool:
    kind = service.object.annotations.get(f"{_AWS}type", "")
    by_class = text_at(service.object.spec, "loadBalancerClass") in _NLB_CLASSES
    return service.type == "LoadBalancer" and (kind in _NLB_TYPES or by_class)


def _tls_ports(service: Service) -> Iterator[ServicePort]:
    """Those of ssl-ports, by name or number; all of them where it is absent."""
    text = service.object.annotations.get(f"{_AWS}ssl-ports", "")
    listed = [word.strip() for word in text.split(",") if word.strip()]
    for port in service.ports:
        ends_tls = not listed or bool({"*", port.name, str(port.number)} & set(listed))
        if port.protocol == "TCP" and ends_tls:
            yield port


def _proof(cluster: Cluster, port: ServicePort, fronts: dict[int, Object]) -> tuple[Evidence, ...]:
    intent = intent_of(cluster, port)
    if intent.is_grpc:
        return tuple(seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:2])
    route = fronts.get(id(port.service))
    if route is None or port.number == 80:
        return ()
    return (seen(route, ("metadata", "name"), f"{route.title} routes gRPC that comes in through {port.service.title}"),)


def _grpc_fronts(cluster: Cluster) -> dict[int, Object]:
    """id of a Service in front of a gateway -> a route for gRPC that comes in there."""
    found: dict[int, Object] = {}
    for rule in routes(cluster):
        if rule.looks_like_grpc or any(backend.takes_h2_only for backend in rule.backends):
            for entrance in rule.entrances:
                for service in entrance.services:
                    found.setdefault(id(service), rule.object)
    return found


def _finding(port: ServicePort, policy: str, proof: tuple[Evidence, ...]) -> Conclusion:
    item = port.service.object
    path: FieldPath = ("metadata", "annotations", _ALPN)
    what = f'its ALPN policy is "{policy}"' if policy else "it has no ALPN policy"
    return about(
        RULE,
        item,
        path,
        f"the NLB of {item.title} ends TLS on port {port.number}, and {what}",
        symptom="It agrees on no protocol in the handshake. Strict clients (grpcio, grpc-go since 1.67) get UNAVAILABLE"
        ": Cannot check peer: missing selected ALPN property. Lax ones work, which hides it.",
        evidence=(seen(item, ("metadata", "annotations", _CERTIFICATE)), *proof),
        fixes=(Edit(item).set(path, "HTTP2Preferred").fix("Have the NLB agree on h2, and on http/1.1 with others"),),
    )
