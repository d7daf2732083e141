"""envoy-cluster-missing: a route names a cluster that this Envoy does not have."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import placed
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD912",
    name="envoy-cluster-missing",
    severity=Severity.ERROR,
    title="a route leads to a cluster that does not exist",
)
ASKS = ("config_dump",)

_ROUTES_SHOWN = 3
_ON_DEMAND = "on_demand"


def check(proxy: Proxy) -> Iterator[Conclusion]:
    if not proxy.shows("clusters"):
        return
    found: dict[str, list[str]] = {}
    for each in placed(proxy):
        if any(item.kind == _ON_DEMAND for item in each.manager.filters):
            continue
        for target in each.route.targets:
            if proxy.cluster(target.cluster) is None:
                found.setdefault(target.cluster, []).append(each.title)
    for name, routes in found.items():
        yield _finding(name, routes)


def _finding(name: str, routes: list[str]) -> Conclusion:
    more = f" and {len(routes) - 1:,} more routes" if len(routes) > 1 else ""
    return in_envoy(
        RULE,
        CLUSTER,
        name,
        f"{routes[0]}{more} leads to cluster {name}, which this Envoy does not have",
        symptom="Calls end at once: UNAVAILABLE with an empty message (NC, cluster_not_found).",
        evidence=[said(f"config_dump has no cluster {name}", "config_dump"),
                  *(said(route, "config_dump") for route in routes[:_ROUTES_SHOWN])],
        fixes=(Fix("Add the cluster, or correct its name in the route (Istio: host, port and subset of the "
                   "VirtualService's destination; a subset needs its DestinationRule)"),),
    )  # fmt: skip
