"""Faults that VirtualServices inject: how much of the traffic they hit, and what the client then sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.checks.policies._http import proof_of, seconds, shown
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, text_at
from grpcdoctor.cluster.kinds import VIRTUAL_SERVICE
from grpcdoctor.cluster.routes import RouteRule, routes
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence

# What Envoy makes of an HTTP status for a gRPC client (source/common/grpc/status.cc httpToGrpcStatus).
_FROM_HTTP: Final = {
    400: "INTERNAL", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "UNIMPLEMENTED", 429: "UNAVAILABLE",
    502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "UNAVAILABLE",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Fault:
    """The `fault` of one route. Percentages are 0 where that part is missing or hits nothing."""

    rule: RouteRule
    raw: dict[str, Any]
    proof: tuple[Evidence, ...]
    delayed: float
    delay: float
    """In seconds."""
    aborted: float

    @property
    def path(self) -> FieldPath:
        return (*self.rule.path, "fault")

    @property
    def http_status(self) -> int | None:
        status = at(self.raw, "abort", "httpStatus")
        return status if isinstance(status, int) and not isinstance(status, bool) else None

    @property
    def status(self) -> str:
        """The gRPC status that the client sees."""
        written = text_at(self.raw, "abort", "grpcStatus")
        return written or grpc_status_of(self.http_status or 0)

    @property
    def target(self) -> str:
        """`prod/greeter:50051 (subset v1)`."""
        backend = next(iter(self.rule.backends), None)
        if backend is None:
            return "its destination"
        return f"{backend.title} (subset {backend.subset})" if backend.subset else backend.title

    @property
    def words(self) -> str:
        """`delays 100 % of the calls by 10 s and aborts 5 % with UNAVAILABLE`."""
        parts = []
        if self.delayed:
            parts.append(f"delays {self.delayed:g} % of the calls by {shown(self.delay)}")
        if self.aborted:
            parts.append(f"aborts {self.aborted:g} % of the calls with {self.status}")
        return " and ".join(parts)


def faults(cluster: Cluster) -> tuple[Fault, ...]:
    """Those that hit something, of routes for gRPC, or for destinations that were not shown."""
    return cluster.once(_faults)


def grpc_status_of(http_status: int) -> str:
    return _FROM_HTTP.get(http_status, "UNKNOWN")


def _faults(cluster: Cluster) -> tuple[Fault, ...]:
    found: dict[tuple[int, FieldPath], Fault] = {}
    for rule in routes(cluster):
        if rule.object.kind is VIRTUAL_SERVICE and rule.is_http and (id(rule.object), rule.path) not in found:
            for fault in _of_rule(cluster, rule):
                found[id(rule.object), rule.path] = fault
    return tuple(found.values())


def _of_rule(cluster: Cluster, rule: RouteRule) -> Iterator[Fault]:
    raw = mapping_at(rule.object.raw, *rule.path, "fault")
    delay, abort = mapping_at(raw, "delay"), mapping_at(raw, "abort")
    if not delay and not abort:
        return
    pause = seconds(text_at(delay, "fixedDelay")) or 0.0
    # `percent` is read for delays only; without either nothing is hit (route.go TranslateFault).
    delayed = (_percent(delay, "percentage", "value") or _percent(delay, "percent")) if pause else 0.0
    aborted = _percent(abort, "percentage", "value") if "httpStatus" in abort or "grpcStatus" in abort else 0.0
    proof = proof_of(cluster, rule)
    if (delayed or aborted) and (proof or all(backend.port is None for backend in rule.backends)):
        yield Fault(rule, raw, proof, delayed, pause, aborted)


def _percent(raw: dict[str, Any], *path: str) -> float:
    text = text_at(raw, *path)
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 < value <= 100 else 0.0
