"""destination-rule-invisible: a route needs a DestinationRule that its proxy does not see."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._clients import Sender, gateways_to
from grpcdoctor.checks.policies._grpc import grpc_entry_ports, grpc_ports
from grpcdoctor.checks.policies._lost_tls import shown_to
from grpcdoctor.cluster.fields import FieldPath, at, text_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.destination_rules import find_subset, host_of, rules_for
from grpcdoctor.cluster.istio.hosts import visible_from
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.istio.virtual_services import virtual_services
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD738",
    name="destination-rule-invisible",
    severity=Severity.ERROR,
    title="the proxy that sends does not see the DestinationRule for the host",
    explains=("service-port-not-http2",),
)
READS = ROUTE_KINDS

_POOL = ("spec", "trafficPolicy", "connectionPool", "http")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(DESTINATION_RULE):
        return
    ports: list[tuple[ServicePort | EntryPort, str]] = [(port, port.service.full_host) for port in grpc_ports(cluster)]
    told: set[tuple[int, str]] = set()
    for port, full in [*ports, *grpc_entry_ports(cluster)]:
        rules = cluster.once(_by_host).get(full, [])
        for sender in (*gateways_to(cluster, port), *_meshed(cluster, port, full)) if rules else ():
            found = _hidden(cluster, port, full, sender, rules)
            if found is not None and (id(found[0]), sender.client.namespace) not in told:
                told.add((id(found[0]), sender.client.namespace))
                yield _finding(cluster, port, full, sender, *found)


def _meshed(cluster: Cluster, port: ServicePort | EntryPort, full: str) -> Iterator[Sender]:
    """The sidecars of a VirtualService's own namespace, where its routes name a subset of the host."""
    for virtual, subset in cluster.once(_mesh_subsets).get(full, ()):
        yield Sender(
            Client(ClientKind.SIDECAR, virtual.namespace), f"sidecars in namespace {virtual.namespace}", subset, virtual
        )


def _hidden(
    cluster: Cluster, port: ServicePort | EntryPort, full: str, sender: Sender, rules: list[Object]
) -> tuple[Object, FieldPath, str] | None:
    """(the rule that is not seen, what is missed, in words)."""
    seen_by = rules_for(cluster, full, _holder(port).namespace, sender.client.namespace, dict(sender.client.labels))
    hidden = [rule for rule in rules if rule not in seen_by and not rule.spec.get("workloadSelector")]
    if sender.subset and find_subset(seen_by, sender.subset) is None:
        for rule in hidden:
            subset = find_subset((rule,), sender.subset)
            if subset is not None:
                return rule, subset.path, f"the subset {sender.subset}"
    if upstream_of(cluster, sender.client, port, full, sender.subset).spoken is Spoken.HTTP1:
        for rule in hidden:
            if at(rule.raw, *_POOL, "useClientProtocol") is True or _upgrades(rule):
                return rule, _POOL, "HTTP/2"
    return None


def _upgrades(rule: Object) -> bool:
    return text_at(rule.raw, *_POOL, "h2UpgradePolicy") == "UPGRADE"


def _finding(
    cluster: Cluster,
    port: ServicePort | EntryPort,
    full: str,
    sender: Sender,
    rule: Object,
    place: FieldPath,
    what: str,
) -> Conclusion:
    namespace, home = sender.client.namespace, _holder(port).namespace
    hidden = not visible_from(rule, namespace) and rule.namespace in (home, namespace)
    because = "its exportTo leaves out" if hidden else f"proxies look in their own namespace and in {home}, not in"
    where = namespace if hidden else rule.namespace
    effect = (
        "no cluster for the subset. Clients get UNAVAILABLE (14) with an empty message."
        if what != "HTTP/2"
        else "nothing that turns HTTP/2 on. Clients get UNAVAILABLE: … reset reason: protocol error."
    )
    return about(
        RULE,
        rule,
        ("spec", "exportTo") if hidden else ("metadata", "namespace"),
        f"{rule.title}, which has {what}, is not seen by the {sender.words}",
        symptom=f"It is for {full}: {because} {where}. So the proxy has {effect}",
        evidence=(seen(rule, place),),
        fixes=tuple(shown_to(cluster, rule, namespace, home, full)),
        related=(_holder(port), *((sender.route,) if sender.route is not None else ())),
    )


def _mesh_subsets(cluster: Cluster) -> dict[str, list[tuple[Object, str]]]:
    found: dict[str, list[tuple[Object, str]]] = {}
    for virtual in virtual_services(cluster):
        for route in virtual.routes if virtual.in_mesh else ():
            for to in route.destinations:
                if to.subset:
                    found.setdefault(to.full, []).append((virtual.object, to.subset))
    return found


def _by_host(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for rule in cluster.all(DESTINATION_RULE):
        found.setdefault(host_of(rule), []).append(rule)
    return found


def _holder(port: ServicePort | EntryPort) -> Object:
    return port.service.object if isinstance(port, ServicePort) else port.entry
