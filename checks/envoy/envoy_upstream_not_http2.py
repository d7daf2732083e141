"""envoy-upstream-not-http2: a cluster that gRPC calls are routed to is spoken HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, in_envoy
from grpcdoctor.checks.envoy._grpc import addresses, is_istio, reason, spoken, why_cluster_grpc
from grpcdoctor.envoy.clusters import Cluster, HttpVersion
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD903",
    name="envoy-upstream-not-http2",
    severity=Severity.ERROR,
    title="Envoy speaks HTTP/1.1 to a gRPC backend",
    explains=("envoy-upstream-protocol-errors",),
)
ASKS = ("config_dump",)

_PATCH = (
    "typed_extension_protocol_options:\n  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
    '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n'
    "    explicit_http_config: {http2_protocol_options: {}}"
)


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        if not cluster.raw or cluster.http.version is not HttpVersion.HTTP1 or cluster.members:
            continue
        why = why_cluster_grpc(proxy, cluster)
        if why:
            yield _finding(proxy, cluster, why)


def _finding(proxy: Proxy, cluster: Cluster, why: str) -> Conclusion:
    at = f" ({addresses(cluster)})" if cluster.endpoints else ""
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"Envoy speaks HTTP/1.1 to cluster {cluster.name}{at}, which serves gRPC",
        symptom="A gRPC server understands HTTP/2 only: UNAVAILABLE, upstream connect error … protocol error.",
        evidence=[spoken(cluster), reason(why)],
        fixes=_fixes(proxy),
        field="typed_extension_protocol_options",
    )


def _fixes(proxy: Proxy) -> tuple[Fix, ...]:
    envoy = Fix("Envoy: have the cluster speak HTTP/2", patch=_PATCH)
    istio = Fix("Istio: declare the Service's port as gRPC (or rename it grpc-…)",
                patch="ports: [{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}]")  # fmt: skip
    return (istio,) if is_istio(proxy) else (envoy,)
