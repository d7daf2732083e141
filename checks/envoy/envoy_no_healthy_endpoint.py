"""envoy-no-healthy-endpoint: no endpoint of a cluster may be picked, or all are although they are sick."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, counted, in_envoy, said
from grpcdoctor.checks.envoy._grpc import cluster_title, placed
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD906",
    name="envoy-no-healthy-endpoint",
    severity=Severity.ERROR,
    title="a cluster that calls are routed to has no healthy endpoint",
    explains=("envoy-endpoints-ejected",),
)
ASKS = ("config_dump", "clusters")

_NAMES_SHOWN = 3
_NONE = "Calls end at once: UNAVAILABLE, no healthy upstream."
_PANIC = (
    "With fewer healthy endpoints than the panic threshold Envoy takes no notice of health and sends calls to all of "
    "them: UNAVAILABLE, or whatever a sick server answers."
)
# These know their endpoints by other ways: the address that was meant, or members that are clusters themselves.
_WITHOUT_ENDPOINTS = ("ORIGINAL_DST",)


def check(proxy: Proxy) -> Iterator[Conclusion]:
    routed = {target.cluster: each.title for each in placed(proxy) for target in each.route.targets if target.weight}
    for cluster in proxy.clusters:
        if cluster.type in _WITHOUT_ENDPOINTS or cluster.members or cluster.status is None or cluster.healthy:
            continue
        if cluster.endpoints:
            yield _sick(proxy, cluster, routed.get(cluster.name, ""))
        elif cluster.name in routed and _is_missed(proxy, cluster):
            yield _empty(proxy, cluster, routed[cluster.name])


def _is_missed(proxy: Proxy, cluster: Cluster) -> bool:
    """A mesh sends every proxy every Service, those that are scaled to nothing as well: only what was called counts."""
    return proxy.stats.cluster(cluster.stat_name, "upstream_cx_none_healthy") > 0


def _empty(proxy: Proxy, cluster: Cluster, route: str) -> Conclusion:
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"cluster {cluster.name} has no endpoint, and calls go to it",
        symptom=_NONE,
        evidence=[
            said(f"no host of {cluster.name}", "clusters"),
            *counted(proxy, cluster.stat_name, "upstream_cx_none_healthy"),
            said(route, "config_dump"),
        ],
        fixes=(Fix("Give it endpoints: pods that are ready and that the Service selects, or load_assignment, or a name "
                   "that resolves"),),
    )  # fmt: skip


def _sick(proxy: Proxy, cluster: Cluster, route: str) -> Conclusion:
    panics = cluster.panics_below > 0
    ailments = [f"{each.address}: {', '.join(each.ailments)}" for each in cluster.endpoints[:_NAMES_SHOWN]]
    return in_envoy(
        RULE,
        CLUSTER,
        cluster.name,
        f"none of {len(cluster.endpoints)} endpoints of cluster {cluster.name} is healthy"
        + (": Envoy panics and calls them all the same" if panics else ""),
        symptom=_PANIC if panics else _NONE,
        evidence=[
            *(said(line, "clusters") for line in ailments),
            *counted(proxy, cluster.stat_name, "lb_healthy_panic", "upstream_cx_none_healthy"),
            *([said(route, "config_dump")] if route else []),
        ],
        fixes=(Fix("Look at the servers themselves: what the health check asks must be answered, and ejected ones are "
                   "back after their base_ejection_time"),),
        related=(cluster_title(cluster.name),),
        severity=Severity.ERROR if route else Severity.WARNING,
    )  # fmt: skip
