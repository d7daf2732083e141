"""destination-port-settings-replace: settings of a port replace the whole policy, and lose a block of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._fixes import copied
from grpcdoctor.checks.policies._grpc import is_grpc
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.hosts import find_host, ports_of
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD737",
    name="destination-port-settings-replace",
    severity=Severity.WARNING,
    title="portLevelSettings drop settings that the DestinationRule has for every port",
)
READS = ROUTE_KINDS

_BLOCKS: Final = ("connectionPool", "loadBalancer", "outlierDetection")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for rule in cluster.all(DESTINATION_RULE):
        for place, policy in _policies(rule):
            for index, settings in mappings_at(policy, "portLevelSettings"):
                lost = [block for block in _BLOCKS if _counts(policy, block) and not mapping_at(settings, block)]
                port = _port(cluster, rule, number_at(settings, "port", "number")) if lost else None
                if port is not None and is_grpc(cluster, port):
                    yield _finding(rule, place, policy, index, lost, port)


def _counts(policy: dict[str, Any], block: str) -> bool:
    """The block is there and is not what Istio does by default."""
    found = mapping_at(policy, block)
    return bool(found) and found != {"simple": "LEAST_REQUEST"}


def _policies(rule: Object) -> Iterator[tuple[FieldPath, dict[str, Any]]]:
    """The policy of the rule and those of its subsets, with their paths."""
    yield ("spec", "trafficPolicy"), mapping_at(rule.raw, "spec", "trafficPolicy")
    for index, subset in mappings_at(rule.raw, "spec", "subsets"):
        yield ("spec", "subsets", index, "trafficPolicy"), mapping_at(subset, "trafficPolicy")


def _port(cluster: Cluster, rule: Object, number: int | None) -> ServicePort | EntryPort | None:
    target = find_host(cluster, host_of(rule))
    return next((port for port in ports_of(target) if port.number == number), None) if target is not None else None


def _finding(
    rule: Object, place: FieldPath, policy: dict[str, Any], index: int, lost: list[str], port: ServicePort | EntryPort
) -> Conclusion:
    settings = (*place, "portLevelSettings", index)
    edit = Edit(rule)
    for block in lost:
        edit.set((*settings, block), copied(policy[block]))
    http1 = "connectionPool" in lost and _makes_http2(policy) and not protocol_of(port).protocol.is_http2
    effect = (
        "With connectionPool, HTTP/2 is lost: clients get UNAVAILABLE: … reset reason: protocol error."
        if http1
        else "Istio's defaults hold for the port instead: other limits, another balance, no ejection of bad pods."
    )
    holder = port.service.object if isinstance(port, ServicePort) else port.entry
    return about(
        RULE,
        rule,
        settings,
        f"{rule.title} has settings for port {port.number} that drop its {' and '.join(lost)}",
        symptom=f"Settings of a port replace the whole policy; they inherit nothing. {effect}",
        evidence=tuple(seen(rule, (*place, block)) for block in lost),
        fixes=(edit.fix("Repeat what the policy has"),),
        related=(holder,),
        severity=Severity.ERROR if http1 else None,
    )


def _makes_http2(policy: dict[str, Any]) -> bool:
    pool = mapping_at(policy, "connectionPool", "http")
    return text_at(pool, "h2UpgradePolicy") == "UPGRADE" or at(pool, "useClientProtocol") is True
