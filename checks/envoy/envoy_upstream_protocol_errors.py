"""envoy-upstream-protocol-errors: connections break because of bytes that are not what Envoy speaks."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy
from grpcdoctor.checks.envoy._grpc import addresses, spoken
from grpcdoctor.envoy.clusters import Cluster, HttpVersion
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD904",
    name="envoy-upstream-protocol-errors",
    severity=Severity.ERROR,
    title="a backend answers in another protocol than Envoy speaks",
)
ASKS = ("config_dump", "stats")

_ALL = 0.9
_H2 = (
    "The backend answers HTTP/2 with something else: it is a web server, a TLS port, or its HTTP/2 is not switched on. "
    "UNAVAILABLE, upstream connect error … reset reason: protocol error."
)
_HTTP1 = (
    "The backend answers HTTP/1.1 with something else; a gRPC server would. UNAVAILABLE, upstream connect error … "
    "reset reason: protocol error."
)


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        broken = proxy.stats.cluster(cluster.stat_name, "upstream_cx_protocol_error")
        if broken:
            yield _finding(proxy, cluster, broken)


def _finding(proxy: Proxy, cluster: Cluster, broken: int) -> Conclusion:
    """All of its connections: it never works. Some: one endpoint of several, or a server that misbehaves at times."""
    total = proxy.stats.cluster(cluster.stat_name, "upstream_cx_total")
    always = broken >= total * _ALL
    share = f"all {broken:,}" if always else f"{broken:,} of {total:,}"
    h2 = cluster.http.version is not HttpVersion.HTTP1
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"{share} connections to cluster {cluster.name} broke: the backend speaks no {'HTTP/2' if h2 else 'HTTP/1.1'}",
        symptom=_H2 if h2 else _HTTP1,
        evidence=[
            *counted(proxy, cluster.stat_name, "upstream_cx_protocol_error", "upstream_cx_total",
                     "upstream_cx_http1_total", "upstream_cx_http2_total"),
            spoken(cluster),
        ],
        fixes=(_fix(cluster, h2),),
        severity=Severity.ERROR if always else Severity.WARNING,
        confidence=0.9,
    )  # fmt: skip


def _fix(cluster: Cluster, h2: bool) -> Fix:
    at = addresses(cluster, 1).partition(" ")[0].rstrip(",") or "BACKEND:PORT"
    if h2:
        return Fix("Ask the backend what it speaks; then send the cluster to its gRPC port, or switch HTTP/2 on there",
                   command=f"grpcdoctor probe --plaintext {at}")  # fmt: skip
    return Fix("If it is a gRPC server, have the cluster speak HTTP/2 (explicit_http_config.http2_protocol_options)",
               command=f"grpcdoctor probe --plaintext {at}")  # fmt: skip
