"""envoy-endpoints-ejected: endpoints that Envoy sends no calls to because they failed too often."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy, said
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD907",
    name="envoy-endpoints-ejected",
    severity=Severity.WARNING,
    title="outlier detection has taken endpoints out",
)
ASKS = ("clusters",)

_NAMES_SHOWN = 5


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for cluster in proxy.clusters:
        if any(endpoint.ejected for endpoint in cluster.endpoints):
            yield _finding(proxy, cluster)


def _finding(proxy: Proxy, cluster: Cluster) -> Conclusion:
    ejected = [endpoint for endpoint in cluster.endpoints if endpoint.ejected]
    names = ", ".join(endpoint.address for endpoint in ejected[:_NAMES_SHOWN])
    settings = cluster.outliers
    rule = "" if settings is None else (
        f"consecutive_5xx {settings.consecutive_5xx}, base_ejection_time {settings.base_ejection_time:g} s, "
        f"max_ejection_percent {settings.max_ejection_percent}"
    )  # fmt: skip
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"{len(ejected)} of {len(cluster.endpoints)} endpoints of cluster {cluster.name} are ejected: {names}",
        symptom="They failed calls in a row (gRPC errors count as their HTTP status does). The others carry the load; "
        "when too many are out Envoy answers UNAVAILABLE, no healthy upstream, or panics and calls all.",
        evidence=[
            *(said(f"{each.address}: {', '.join(each.ailments)}", "clusters") for each in ejected[:_NAMES_SHOWN]),
            *counted(proxy, cluster.stat_name, "outlier_detection.ejections_active",
                     "outlier_detection.ejections_enforced_total"),
            *([said(rule, "config_dump")] if rule else []),
        ],
        fixes=(Fix("Find out what these endpoints answered, in their own logs; they come back by themselves. Where the "
                   "application's own errors ejected them, raise consecutive_5xx (Istio: consecutive5xxErrors)"),),
        field="outlier_detection",
    )  # fmt: skip
