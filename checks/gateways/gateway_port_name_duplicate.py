"""gateway-port-name-duplicate: two servers of a Gateway have one port name, or a server has none."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, port_name_for, uses_of, worst
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD625",
    name="gateway-port-name-duplicate",
    severity=Severity.ERROR,
    title="servers of a Gateway share a port name, or have none",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for gateway in cluster.all(ISTIO_GATEWAY):
        found = uses_of(cluster, gateway)
        severity = worst(found)
        if severity is None:
            continue
        proof = next((use.proof for use in found if use.proof), ())
        related = tuple({id(virtual): virtual.object for use in found for virtual in use.grpc}.values())
        first: dict[str, Use] = {}
        for use in found:
            name = use.server.port_name
            if name and name not in first:
                first[name] = use
            elif use.server.port is not None:
                yield _finding(use, first.get(name), severity, proof, related)


def _finding(
    use: Use, first: Use | None, severity: Severity, proof: tuple[Evidence, ...], related: tuple[Object, ...]
) -> Conclusion:
    server, gateway = use.server, use.gateway
    path = (*server.path, "port", "name")
    if first is not None:
        text = f'{use.title} is named "{server.port_name}", as is port {first.server.port} before it'
        why = "Istio's webhook refuses a Gateway whose port names are not unique."
    else:
        text, why = f"{use.title} has no name", "Istio's webhook refuses a Gateway with a port that has no name."
    name = port_name_for(server, server.protocol_word, gateway)
    applied = not gateway.origin  # it is in the cluster all the same
    effect = " Where it is there all the same, HTTPS servers of one port and name are dropped but for the first."
    return about(
        RULE,
        gateway,
        path,
        text,
        symptom=f"{why} Its hosts then have no port: clients get UNAVAILABLE (14) or what an older version of it gives."
        + (effect if applied else ""),
        evidence=((seen(gateway, (*first.server.path, "port", "name")),) if first else ()) + proof,
        fixes=(Edit(gateway).set(path, name).fix(f'Name it "{name}"'),),
        related=related,
        severity=severity,
    )
