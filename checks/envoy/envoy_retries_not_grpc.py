"""envoy-retries-not-grpc: the retry policy of a gRPC route names no condition that a gRPC error meets."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import ROUTES, in_envoy, said
from grpcdoctor.checks.envoy._grpc import Placed, grpc_routes, reason
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD921",
    name="envoy-retries-not-grpc",
    severity=Severity.WARNING,
    title="a gRPC route is retried on HTTP statuses only",
)
ASKS = ("config_dump",)

_STATUSES = frozenset(("5xx", "gateway-error", "retriable-4xx", "retriable-status-codes"))
_GRPC = frozenset(("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"))


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for each, why in grpc_routes(proxy):
        retries = each.route.retries
        if retries is None or not retries.times or not _STATUSES & set(retries.on) or _GRPC & set(retries.on):
            continue
        yield _finding(each, why, ",".join(retries.on))


def _finding(each: Placed, why: str, conditions: str) -> Conclusion:
    return in_envoy(
        RULE,
        ROUTES,
        each.config_name,
        f"{each.title} is retried on {conditions}: no status of gRPC is among them",
        symptom="A gRPC error is HTTP 200 with grpc-status in its trailers, so the backend's own UNAVAILABLE is "
        "not retried; only lost connections are.",
        evidence=[said(f"retry_on: {conditions}", "config_dump"), reason(why)],
        fixes=(Fix("Name gRPC's statuses (Istio: retryOn of the VirtualService); only what may run twice",
                   patch="retry_policy: {retry_on: 'unavailable,connect-failure,refused-stream'}"),),
        field="retry_policy.retry_on",
    )  # fmt: skip
