"""What a workload with a sidecar would lose, keep and gain as a proxyless one, object by object.

Source: istio pilot/pkg/networking/grpcgen (what istiod sends); gRFCs A28, A31, A32, A33, A41, A42, A44.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.checks.proxyless._routes import RETRIED, unsupported_in
from grpcdoctor.cluster.fields import (
    FieldPath,
    flag_at,
    items_at,
    mapping_at,
    mappings_at,
    number_at,
    string_map,
    text_at,
)  # fmt: skip
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.mtls import STRICT, server_mode
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute
from grpcdoctor.cluster.kinds import (
    AUTHORIZATION_POLICY,
    ENVOY_FILTER,
    REQUEST_AUTHENTICATION,
    SIDECAR,
    TELEMETRY,
    Kind,
)  # fmt: skip
from grpcdoctor.cluster.labels import match_labels_selects, selects
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload

LOST: Final = "lost"
KEPT: Final = "kept"
GAINED: Final = "gained"


@dataclass(frozen=True, slots=True)
class Change:
    """One feature in use. `verdict` is lost, kept or gained; `what` a clause, `why` a sentence."""

    verdict: str
    what: str
    why: str
    object: Object
    path: FieldPath = ()


def of_route(route: VirtualRoute) -> Iterator[Change]:
    """A route that the workload takes as a client."""
    raw, base, item = route.raw, route.path, route.object
    place = f"({item.title} http[{route.index}])"
    for found in unsupported_in(route):
        yield Change(LOST, f"{found.what} {place}", found.effect, item, found.path)
    if mapping_at(raw, "corsPolicy"):
        yield Change(LOST, f"a corsPolicy {place}", "Only browsers need it.", item, (*base, "corsPolicy"))
    for field, what in (("timeout", "the timeout"), ("fault", "fault injection")):
        if raw.get(field):
            yield Change(KEPT, f"{what} {place}", _KEPT[field], item, (*base, field))
    tokens = [token.strip() for token in text_at(raw, "retries", "retryOn").lower().split(",") if token.strip()]
    kept = [token for token in tokens if token in RETRIED]
    gone = [token for token in tokens if token not in RETRIED]
    where = (*base, "retries", "retryOn")
    if kept or (mapping_at(raw, "retries") and not tokens and number_at(raw, "retries", "attempts") != 0):
        words = ", ".join(kept) or "unavailable, cancelled"
        yield Change(KEPT, f"retries on {words} {place}", _KEPT["retries"], item, where)
    if kept and gone:
        why = "gRPC retries on gRPC statuses only, and by itself what never reached the server."
        yield Change(LOST, f"retries on {', '.join(gone)} {place}", why, item, where)
    if len(route.destinations) > 1:
        yield Change(KEPT, f"weights {place}", "Weighted routes are known.", item, (*base, "route"))
    if any(to.subset for to in route.destinations):
        yield Change(KEPT, f"subsets {place}", "A subset is a cluster.", item, (*base, "route"))
    if route.matches and any(m.get("uri") or m.get("headers") for _, m in route.matches):
        why = "gRPC matches path and metadata as Envoy does."
        yield Change(KEPT, f"matches {place}", why, item, (*base, "match"))


_KEPT: Final = {
    "timeout": "istiod sends it as max_stream_duration (gRFC A31).",
    "fault": "gRPC has the fault filter (gRFC A33).",
    "retries": "gRPC retries on these statuses (gRFC A44).",
}


def of_policy(rule: Object, path: FieldPath, policy: dict[str, Any]) -> Iterator[Change]:
    """A trafficPolicy, or one of its portLevelSettings, that the workload uses as a client."""
    title = rule.title
    mode = text_at(policy, "tls", "mode")
    where = (*path, "tls", "mode")
    if mode == "ISTIO_MUTUAL":
        why = "Only with xDS credentials in the client's code."
        yield Change(KEPT, f"mTLS by ISTIO_MUTUAL ({title})", why, rule, where)
    elif mode in ("SIMPLE", "MUTUAL"):
        yield Change(LOST, f"TLS {mode} ({title})", "istiod sends no such setting; gRPC speaks plaintext.", rule, where)
    balancer = mapping_at(policy, "loadBalancer")
    simple = text_at(balancer, "simple")
    if balancer.get("consistentHash"):
        yield from _hash(rule, (*path, "loadBalancer", "consistentHash"), mapping_at(balancer, "consistentHash"))
    elif simple in ("RANDOM", "PASSTHROUGH"):
        yield Change(LOST, f"{simple} ({title})", "It becomes ROUND_ROBIN.", rule, (*path, "loadBalancer", "simple"))
    elif simple in ("LEAST_REQUEST", "ROUND_ROBIN"):
        yield Change(KEPT, f"{simple} ({title})", _SIMPLE[simple], rule, (*path, "loadBalancer", "simple"))
    for field, why in _BALANCING:
        if balancer.get(field):
            yield Change(LOST, f"{field} ({title})", why, rule, (*path, "loadBalancer", field))
    if mapping_at(policy, "outlierDetection"):
        why = "istiod sends none: a server that keeps failing stays in rotation."
        yield Change(LOST, f"outlier detection ({title})", why, rule, (*path, "outlierDetection"))
    yield from _pool(rule, (*path, "connectionPool"), mapping_at(policy, "connectionPool"))


_SIMPLE: Final = {
    "LEAST_REQUEST": "By clients in Go and Java; those in Python, C++, Ruby and PHP refuse it.",
    "ROUND_ROBIN": "It is gRPC's default.",
}
_BALANCING: Final = (
    ("warmup", "New servers get their full share at once."),
    ("warmupDurationSecs", "New servers get their full share at once."),
    ("localityLbSetting", "Calls go by the weights of the endpoints; there is no failover by locality."),
)


def _hash(rule: Object, path: FieldPath, hashing: dict[str, Any]) -> Iterator[Change]:
    if "maglev" in hashing:
        yield Change(LOST, f"Maglev ({rule.title})", "gRPC refuses the cluster: use ringHash.", rule, (*path, "maglev"))
    if text_at(hashing, "httpHeaderName"):
        why = "gRPC has ring_hash (gRFC A42)."
        yield Change(KEPT, f"hashing by a header ({rule.title})", why, rule, (*path, "httpHeaderName"))
    for field in ("httpCookie", "useSourceIp", "httpQueryParameterName"):
        if hashing.get(field):
            yield Change(LOST, f"hashing by {field} ({rule.title})", "gRPC hashes headers only.", rule, (*path, field))


def _pool(rule: Object, path: FieldPath, pool: dict[str, Any]) -> Iterator[Change]:
    for field in mapping_at(pool, "http"):
        where = (*path, "http", field)
        if field == "http2MaxRequests":
            yield Change(KEPT, f"http2MaxRequests ({rule.title})", "gRPC counts it per client (gRFC A32).", rule, where)
        else:
            yield Change(LOST, f"{field} ({rule.title})", "gRPC manages its own connections.", rule, where)
    for field in mapping_at(pool, "tcp"):
        where = (*path, "tcp", field)
        yield Change(LOST, f"tcp.{field} ({rule.title})", "gRPC manages its own connections.", rule, where)


def selecting(cluster: Cluster, kind: Kind, workload: Workload) -> Iterator[Object]:
    """The objects with a selector for this workload, or without one, in its namespace or the mesh's root."""
    root = mesh_config(cluster).root_namespace
    for space in dict.fromkeys((workload.namespace, root)):
        for item in cluster.in_namespace(kind, space):
            if items_at(item.raw, "spec", "targetRefs") or mapping_at(item.raw, "spec", "targetRef"):
                continue
            if kind in (ENVOY_FILTER, SIDECAR):
                chosen = selects(string_map(item.raw, "spec", "workloadSelector", "labels"), workload.labels)
            else:
                chosen = match_labels_selects(mapping_at(item.raw, "spec", "selector"), workload.labels)
            if chosen:
                yield item


def of_policies(cluster: Cluster, workload: Workload) -> Iterator[Change]:
    """Objects that select the workload."""
    for item in selecting(cluster, AUTHORIZATION_POLICY, workload):
        action = text_at(item.raw, "spec", "action") or "ALLOW"
        if action in ("ALLOW", "DENY"):
            why = "istiod sends it as RBAC filter (gRFC A41), to servers with xDS only."
            yield Change(KEPT, f"{action} by {item.title}", why, item, ("spec", "rules"))
        else:
            yield Change(LOST, f"{action} by {item.title}", "gRPC knows ALLOW and DENY only.", item, ("spec", "action"))
    for item in selecting(cluster, REQUEST_AUTHENTICATION, workload):
        why = "Nothing checks tokens in front of the server: do it in an interceptor."
        yield Change(LOST, f"JWT validation by {item.title}", why, item, ("spec", "jwtRules"))
    for item in selecting(cluster, ENVOY_FILTER, workload):
        where: FieldPath = ("spec", "configPatches")
        contexts = {text_at(raw, "match", "context") for _, raw in mappings_at(item.raw, *where)}
        if contexts and contexts != {"GATEWAY"}:
            yield Change(LOST, f"the patches of {item.title}", "There is no Envoy to patch.", item, where)
    for item in selecting(cluster, TELEMETRY, workload):
        why = "Istio's metrics, access logs and traces come from Envoy; gRPC has its own OpenTelemetry plugin."
        yield Change(LOST, f"telemetry by {item.title}", why, item, ("spec",))
    for item in selecting(cluster, SIDECAR, workload):
        if items_at(item.raw, "spec", "ingress"):
            yield Change(LOST, f"ingress listeners of {item.title}", "No proxy listens.", item, ("spec", "ingress"))
        if items_at(item.raw, "spec", "egress"):
            why = "It still limits the names that istiod answers for."
            yield Change(KEPT, f"egress hosts of {item.title}", why, item, ("spec", "egress"))


def of_mtls(cluster: Cluster, workload: Workload, ports: tuple[ServicePort, ...]) -> Iterator[Change]:
    """What the server takes."""
    told: set[str] = set()
    for port in ports:
        found = server_mode(cluster, workload, port.number_in(workload))
        if found.mode in told:
            continue
        told.add(found.mode)
        item, path = (found.object, found.path) if found.object is not None else (workload.object, ())
        if found.mode == STRICT:
            why = "With xDS credentials in the server, and the label security.istio.io/tlsMode: istio on the pod."
            yield Change(KEPT, f"STRICT mTLS on port {port.number}", why, item, path)
        elif found.mode == "PERMISSIVE":
            why = "gRPC cannot take both: plaintext, or with the label security.istio.io/tlsMode: istio mTLS alone."
            yield Change(LOST, f"PERMISSIVE mTLS on port {port.number}", why, item, path)


def of_pod(workload: Workload) -> Iterator[Change]:
    """What the sidecar does for the pod itself."""
    item = workload.object
    annotations = workload.annotations
    rewritten = flag_at(annotations, "sidecar.istio.io/rewriteAppHTTPProbers") is not False
    for container in workload.containers:
        for name, raw, path in container.probes:
            if rewritten and (mapping_at(raw, "httpGet") or mapping_at(raw, "grpc")):
                why = "The kubelet asks the application itself, in plaintext: a server with mTLS refuses it."
                yield Change(LOST, f"the rewrite of the {name} of container {container.name}", why, item, path)
    for name in sorted(annotations):
        if name.startswith("traffic.sidecar.istio.io/"):
            why = "Nothing is captured."
            yield Change(LOST, f"the annotation {name}", why, item, workload.path("metadata", "annotations", name))
