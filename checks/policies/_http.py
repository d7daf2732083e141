"""The HTTP routes that carry gRPC, with what they say about timeouts and retries, in seconds and tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.checks.policies._grpc import is_grpc
from grpcdoctor.cluster.fields import FieldPath, dotted, mapping_at, number_at, text_at
from grpcdoctor.cluster.intent import LIKELY, MEDIUM, WEAK, intent_of, says_grpc
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.kinds import GRPC_ROUTE, HTTP_ROUTE, VIRTUAL_SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence

# What `retryOn` may name (istio pkg/config/validation supportedRetryOnPolicies), by what they look at.
GRPC_TOKENS: Final = frozenset(("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"))
STATUS_TOKENS: Final = frozenset(("5xx", "gateway-error", "retriable-4xx", "retriable-status-codes"))
TRANSPORT_TOKENS: Final = frozenset(
    ("reset", "reset-before-request", "connect-failure", "refused-stream", "http3-post-connect-failure")
)
OTHER_TOKENS: Final = frozenset(("retriable-headers", "envoy-ratelimited"))
# A try that times out counts as a reset: only these have it retried.
TIMEOUT_TOKENS: Final = frozenset(("reset", "5xx", "gateway-error"))
DEFAULT_TOKENS: Final = ("connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes")
DEFAULT_ATTEMPTS: Final = 2

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000001, "µs": 0.000001, "ns": 0.000000001}
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|us|µs|ns)")
_CUSTOMARY_PORTS: Final = range(50051, 50061)


def seconds(text: str) -> float | None:
    """A duration as Kubernetes objects have them: `20s`, `1m30s`, `0.5s`; None for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def shown(value: float) -> str:
    """`60 s`, `0.5 s`."""
    return f"{value:g} s"


@dataclass(frozen=True)
class Retries:
    """What is in force on a route. `path` is None where it is Istio's default."""

    attempts: int
    tokens: tuple[str, ...]
    per_try: float | None
    path: FieldPath | None

    @property
    def after_timeout(self) -> bool:
        return bool(TIMEOUT_TOKENS & set(self.tokens))


@dataclass(frozen=True, eq=False)
class GrpcRoute:
    """One rule of a VirtualService or a Gateway API route that gRPC passes."""

    rule: RouteRule
    raw: dict[str, Any]
    proof: tuple[Evidence, ...]

    @property
    def object(self) -> Object:
        return self.rule.object

    @property
    def path(self) -> FieldPath:
        return self.rule.path

    @property
    def is_virtual(self) -> bool:
        return self.object.kind is VIRTUAL_SERVICE

    @property
    def title(self) -> str:
        """`VirtualService prod/greeter http[0]`."""
        return f"{self.object.title} {dotted(self.path[1:])}"

    @property
    def target(self) -> str:
        """`prod/greeter:50051`: the first gRPC destination, else the first of all."""
        backend = next(iter(self.rule.backends), None)
        return backend.title if backend is not None else "its destination"

    @property
    def services(self) -> tuple[Object, ...]:
        return tuple(b.service.object for b in self.rule.backends if b.service is not None)


def grpc_routes(cluster: Cluster) -> tuple[GrpcRoute, ...]:
    """Of VirtualServices and Gateway API routes, each rule once though two VirtualServices may delegate to it."""
    return cluster.once(_grpc_routes)


def virtual_routes(cluster: Cluster) -> Iterator[GrpcRoute]:
    return (route for route in grpc_routes(cluster) if route.is_virtual)


def timeouts_of(route: GrpcRoute) -> Iterator[tuple[FieldPath, float, bool]]:
    """(path, seconds, it is one for a single try) of every timeout that is set and not 0."""
    if route.is_virtual:
        fields: tuple[tuple[tuple[str, ...], bool], ...] = ((("timeout",), False), (("retries", "perTryTimeout"), True))
    else:
        fields = ((("timeouts", "request"), False), (("timeouts", "backendRequest"), True))
    for field, one_try in fields:
        value = seconds(text_at(route.raw, *field))
        if value:
            yield (*route.path, *field), value, one_try


def timeout_of(route: GrpcRoute) -> float | None:
    """The whole route's, in seconds; None where none is set."""
    return next((value for _, value, one_try in timeouts_of(route) if not one_try), None)


def retries_of(cluster: Cluster, route: GrpcRoute) -> Retries | None:
    """What a VirtualService's route has in force; None where nothing is retried."""
    raw = mapping_at(route.raw, "retries")
    path: FieldPath | None = (*route.path, "retries")
    if not isinstance(route.raw.get("retries"), dict):
        raw = mapping_at(mesh_config(cluster).values, "defaultHttpRetryPolicy")
        path = None
        if not raw:
            return Retries(DEFAULT_ATTEMPTS, DEFAULT_TOKENS, None, None)
    attempts = number_at(raw, "attempts") or 0
    if attempts <= 0:
        return None
    written = tokens_in(text_at(raw, "retryOn"))
    return Retries(attempts, written or DEFAULT_TOKENS, seconds(text_at(raw, "perTryTimeout")) or None, path)


def tokens_in(retry_on: str) -> tuple[str, ...]:
    """Without the spaces that Istio's validation refuses and its translation drops."""
    return tuple(token for part in retry_on.split(",") if (token := part.strip()))


def proof_of(cluster: Cluster, rule: RouteRule) -> tuple[Evidence, ...]:
    """Why this rule carries gRPC; nothing where no object says so."""
    if rule.declares_grpc:
        return (seen(rule.object, rule.path, f"{rule.object.title} declares gRPC"),)
    for match in rule.matches:
        if match.looks_like_grpc:
            return (seen(rule.object, match.path),)
    for backend in rule.backends:
        found = _backend_proof(cluster, rule, backend)
        if found is not None:
            return (found,)
    return ()


def _backend_proof(cluster: Cluster, rule: RouteRule, backend: Backend) -> Evidence | None:
    port = backend.port
    if isinstance(port, ServicePort):
        if not is_grpc(cluster, port):
            return None
        hints = intent_of(cluster, port).grpc
        if hints:
            return seen(hints[0].object, hints[0].path, hints[0].text)
        return seen(port.service.object, (*port.path, protocol_of(port).field))
    if isinstance(port, EntryPort):
        return seen(port.entry, (*port.path, "protocol")) if is_grpc(cluster, port) else None
    if backend.service is not None:
        return None
    return _by_names(rule, backend)


def _by_names(rule: RouteRule, backend: Backend) -> Evidence | None:
    """A destination that was not shown: its name, the host, its port number."""
    name = backend.host.rpartition("/")[2].partition(".")[0]
    weight = MEDIUM if says_grpc(name) else 0
    weight += MEDIUM if any(says_grpc(host.partition(".")[0]) and ".svc." not in host for host in rule.hosts) else 0
    weight += WEAK if backend.port_number in _CUSTOMARY_PORTS else 0
    return seen(rule.object, backend.path) if weight >= LIKELY else None


def _grpc_routes(cluster: Cluster) -> tuple[GrpcRoute, ...]:
    found: dict[tuple[int, FieldPath], GrpcRoute] = {}
    for rule in routes(cluster):
        key = (id(rule.object), rule.path)
        if key in found or not rule.is_http or rule.object.kind not in (VIRTUAL_SERVICE, HTTP_ROUTE, GRPC_ROUTE):
            continue
        proof = proof_of(cluster, rule)
        if proof:
            found[key] = GrpcRoute(rule, mapping_at(rule.object.raw, *rule.path), proof)
    return tuple(found.values())


def is_accepted(cluster: Cluster, item: Object) -> bool:
    """The object is in a cluster already, so whatever its validation says was not said, or by a newer Istio only."""
    return item.origin is None and cluster.has_all(item.kind, item.namespace)
