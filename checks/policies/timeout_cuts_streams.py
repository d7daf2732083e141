"""timeout-cuts-streams: the timeout of a gRPC route ends streams, too, whatever is still being sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import GrpcRoute, grpc_routes, shown, timeouts_of
from grpcdoctor.checks.policies._streams import Streaming, streaming_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD701",
    name="timeout-cuts-streams",
    severity=Severity.WARNING,
    title="a route's timeout ends gRPC streams",
)
READS = ROUTE_KINDS

# A longer one is no habit from REST: somebody thought of long calls.
_LONG: Final = {Streaming.HINTED: 24 * 3600.0, Streaming.MAY: 3600.0}
_ENVOY: Final = (
    "Envoy hands this time to the server as the call's deadline, whatever the client asked for. A stream that still "
    "runs then ends with DEADLINE_EXCEEDED, or with INTERNAL: RST_STREAM error code 2."
)
_OTHERS: Final = "The gateway ends a stream that still runs then: UNAVAILABLE, INTERNAL or DEADLINE_EXCEEDED."


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in grpc_routes(cluster):
        streaming, named = streaming_of(route)
        if streaming is not Streaming.NO:
            short = sorted((value, path) for path, value, _ in timeouts_of(route) if value < _LONG[streaming])
            if short:
                yield _finding(route, short, named)


def _finding(route: GrpcRoute, short: list[tuple[float, FieldPath]], named: str) -> Conclusion:
    value, path = short[0]
    if named:
        message = f"{route.title} carries streams ({named}), and {_field(path)} ends them after {shown(value)}"
    else:
        message = f"{route.title} takes more than one method, and {_field(path)} ends streams after {shown(value)}"
    return about(
        RULE,
        route.object,
        path,
        message,
        symptom=_ENVOY if route.is_virtual else _OTHERS,
        evidence=(*_hint(route, named), *route.proof),
        fixes=(_without(route, [path for _, path in short]), *_apart(route)),
        severity=None if named else Severity.INFO,
        confidence=0.8 if named else 0.6,
        related=route.services,
    )


def _without(route: GrpcRoute, paths: list[FieldPath]) -> Fix:
    edit = Edit(route.object)
    for path in paths:
        edit.remove(path)
    named = " and ".join(_field(path) for path in paths)
    return edit.fix(f"Remove {named}: without a timeout, each client's own deadline holds")


def _field(path: FieldPath) -> str:
    """`timeout`, `perTryTimeout`, `timeouts.request`."""
    return f"timeouts.{path[-1]}" if path[-2] == "timeouts" else str(path[-1])


def _hint(route: GrpcRoute, named: str) -> tuple[Evidence, ...]:
    return (seen(route.object, route.path, f'the name "{named}" says streams'),) if named else ()


def _apart(route: GrpcRoute) -> tuple[Fix, ...]:
    if not route.rule.matches and not route.is_virtual:
        return ()
    summary = f"Or match the streaming methods in a route of their own before {route.title}, without a timeout"
    return (Fix(summary),)
