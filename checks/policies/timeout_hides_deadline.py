"""timeout-hides-deadline: a route gives up before its client would, so the client sees another error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._http import GrpcRoute, seconds, shown, timeout_of, virtual_routes
from grpcdoctor.checks.policies._mentions import mentions_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD710",
    name="timeout-hides-deadline",
    severity=Severity.INFO,
    title="a route gives up before its client's deadline",
)
READS = ROUTE_KINDS

# GREETER_TIMEOUT=30s, GRPC_DEADLINE_MS=30000: of the client that names this server.
_NAMED: Final = re.compile(r"(?:DEADLINE|TIMEOUT)(?:_(?P<unit>MS|MILLIS|SECONDS|SEC|S))?$", re.IGNORECASE)
_UNITS: Final = {"MS": 0.001, "MILLIS": 0.001, "SECONDS": 1.0, "SEC": 1.0, "S": 1.0}
_OTHER: Final = re.compile(r"HTTP|DB|SQL|REDIS|SHUTDOWN|CONNECT|IDLE|DIAL|READ|WRITE|KEEPALIVE|PROBE", re.IGNORECASE)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        whole = timeout_of(route)
        for workload, name, value, path in _deadlines(cluster, route) if whole is not None else ():
            if whole is not None and value > whole:
                yield _finding(route, whole, workload, (name, value, path))
                break


def _finding(route: GrpcRoute, whole: float, workload: Workload, said: tuple[str, float, FieldPath]) -> Conclusion:
    name, value, where = said
    path = (*route.path, "timeout")
    wanted = f"{value:g}s"
    return about(
        RULE,
        route.object,
        path,
        f"{route.title} gives up after {shown(whole)}, and {workload.title} is told {name} of {shown(value)}",
        symptom="Clients get UNAVAILABLE: upstream request timeout where they expect DEADLINE_EXCEEDED. Many retry "
        "on UNAVAILABLE, so a slow server gets more calls.",
        evidence=(seen(workload.object, where, f"{name} in {workload.title} is {shown(value)}"), *route.proof),
        fixes=(
            Edit(route.object).remove(path).fix("Remove the timeout: the client's deadline holds on every hop"),
            Edit(route.object).set(path, wanted).fix(f"Or raise it to {wanted}"),
        ),
        confidence=0.6,
        related=(*route.services, workload.object),
    )


def _deadlines(cluster: Cluster, route: GrpcRoute) -> Iterator[tuple[Workload, str, float, FieldPath]]:
    for backend in route.rule.backends:
        for mention in mentions_of(cluster, backend.port) if isinstance(backend.port, ServicePort) else ():
            for container in mention.workload.containers:
                for name, text in container.environment.items():
                    value = _deadline(name, text)
                    if value is not None:
                        yield mention.workload, name, value, container.environment_path(name)


def _deadline(name: str, text: str) -> float | None:
    found = _NAMED.search(name)
    if found is None or _OTHER.search(name):
        return None
    if found["unit"] and text.isascii() and text.isdigit() and len(text) < 9:
        return int(text) * _UNITS[found["unit"].upper()]
    return seconds(text.strip())
