"""envoy-connection-balancing: a listener that hands gRPC on as TCP to several endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import addresses
from grpcdoctor.envoy.clusters import Cluster, HttpVersion
from grpcdoctor.envoy.listeners import Listener
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD919",
    name="envoy-connection-balancing",
    severity=Severity.WARNING,
    title="calls are balanced by connection, not one by one",
)
ASKS = ("config_dump",)

_USUAL_PORT = ":50051"


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for listener in proxy.serving:
        for chain in listener.all_chains:
            for name in chain.tcp.clusters if chain.tcp is not None and chain.http is None else ():
                cluster = proxy.cluster(name)
                why = "" if cluster is None else _why(cluster, chain.tls.alpn if chain.tls is not None else ())
                if cluster is not None and len(cluster.endpoints) > 1 and why:
                    yield _finding(listener, cluster, why)


def _why(cluster: Cluster, alpn: tuple[str, ...]) -> str:
    """Why it is gRPC that is handed on; most TCP is not."""
    if any(check.kind == "grpc" for check in cluster.health_checks):
        return "the cluster's health check is gRPC's"
    if cluster.http.version is HttpVersion.H2:
        return f"the cluster has HTTP/2 options ({cluster.http.field})"
    if "h2" in alpn:
        return "the listener offers h2 in ALPN"
    usual = all(endpoint.address.endswith(_USUAL_PORT) for endpoint in cluster.endpoints)
    return "all endpoints are on port 50051, gRPC's usual one" if usual else ""


def _finding(listener: Listener, cluster: Cluster, why: str) -> Conclusion:
    return in_envoy(
        RULE,
        LISTENER,
        listener.name,
        f"listener {listener.name} hands gRPC on as TCP: each connection stays with one of {len(cluster.endpoints)} "
        "endpoints",
        symptom="A gRPC client keeps one connection, so all of its calls go to one endpoint, and new ones get none. "
        "Routes, retries and timeouts for calls do not exist here.",
        evidence=[said(f"tcp_proxy to cluster {cluster.name} ({addresses(cluster)})", "config_dump"),
                  said(why, "config_dump")],
        fixes=(Fix("Let Envoy read HTTP/2 there: an http_connection_manager, not tcp_proxy (Istio: name the Service's "
                   "port grpc-…, or appProtocol: grpc)"),),
        related=(f"cluster {cluster.name}",),
        confidence=0.8,
    )  # fmt: skip
