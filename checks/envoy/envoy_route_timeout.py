"""envoy-route-timeout: the whole response of a gRPC route must be over in time, mostly in Envoy's default of 15 s."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import ROUTES, counted, in_envoy, said
from grpcdoctor.checks.envoy._grpc import Placed, cluster_title, placed, reason, why_grpc, why_targets_grpc
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD910",
    name="envoy-route-timeout",
    severity=Severity.INFO,
    title="a route timeout ends gRPC streams",
)
ASKS = ("config_dump",)

_LONG = 3600.0
"""Who sets an hour means it."""


def check(proxy: Proxy) -> Iterator[Conclusion]:
    """A default that has cut nothing yet is said once, however many routes have it."""
    mere: list[tuple[Placed, str]] = []
    for each, why in _limited(proxy):
        cut = _cut(proxy, each)
        if cut:
            yield _finding(proxy, each, why, cut, 0)
        elif each.route.timeout.is_default:
            mere.append((each, why))
    if mere:
        yield _finding(proxy, *mere[0], 0, len(mere) - 1)


def _cut(proxy: Proxy, each: Placed) -> int:
    """The counter is the cluster's: of several routes to it the one with the least time is taken to have cut."""
    allowed, shortest = each.route.timeout.seconds or 0.0, proxy.once(_shortest)
    mine = [target.cluster for target in each.route.targets if allowed <= shortest.get(target.cluster, 0.0)]
    return sum(proxy.stats.cluster(name, "upstream_rq_timeout") for name in mine)


def _shortest(proxy: Proxy) -> dict[str, float]:
    """cluster -> the least timeout of all routes to it."""
    found: dict[str, float] = {}
    for each in placed(proxy):
        allowed = each.route.timeout.seconds
        for target in each.route.targets if allowed else ():
            found[target.cluster] = min(allowed or 0.0, found.get(target.cluster, allowed or 0.0))
    return found


def _limited(proxy: Proxy) -> Iterator[tuple[Placed, str]]:
    for each in placed(proxy):
        route = each.route
        if route.action != "route" or not 0 < (route.timeout.seconds or 0) < _LONG:
            continue
        # With max_stream_duration (or max_grpc_timeout) set Envoy takes no notice of the timeout.
        if route.max_stream_duration is not None or route.grpc_timeout_header_max is not None:
            continue
        why = why_grpc(route) or why_targets_grpc(proxy, route)
        if why:
            yield each, why


def _finding(proxy: Proxy, each: Placed, why: str, cut: int, more: int) -> Conclusion:
    """It harms streams and slow calls only; that there are some shows in the counter."""
    route = each.route
    targets = [target.cluster for target in route.targets]
    counters = [item for name in targets for item in counted(proxy, name, "upstream_rq_timeout")]
    return in_envoy(
        RULE,
        ROUTES,
        each.config_name,
        f"{each.title}{f' and {more:,} more' if more else ''}: whatever is not over after {route.timeout.words} is cut"
        + (f", as {cut:,} calls were" if cut else ""),
        symptom="The timeout is for the whole response, so it cuts lively streams, too: INTERNAL, Received RST_STREAM "
        "with error code 2; before the first message UNAVAILABLE, upstream request timeout.",
        evidence=[said(f"{route.timeout.field}: {route.timeout.words}", "config_dump"), reason(why),
                  *counters],
        fixes=(Fix("Switch it off, and let the client's deadline count (Istio: `timeout: 0s` in the VirtualService)",
                   patch="route: {timeout: 0s, max_stream_duration: {grpc_timeout_header_max: 0s}}"),),
        field="route.timeout",
        related=tuple(cluster_title(name) for name in targets),
        severity=Severity.WARNING if cut else Severity.INFO,
    )  # fmt: skip
