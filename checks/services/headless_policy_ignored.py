"""headless-policy-ignored: a DestinationRule balances a headless gRPC Service, which sidecars do not balance."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._calls import callers_of
from grpcdoctor.checks.services._ports import behind_sidecar, grpc_ports, istio_routes
from grpcdoctor.checks.services._twins import balanced_manifest, common_twin
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, at, items_at, text_at
from grpcdoctor.cluster.istio.destination_rules import host_of
from grpcdoctor.cluster.istio.hosts import full_host
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD525",
    name="headless-policy-ignored",
    severity=Severity.WARNING,
    title="a DestinationRule balances a headless gRPC Service, and sidecars ignore it",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    headless = {port.service.full_host: port for port, _ in grpc_ports(cluster) if port.service.is_headless}
    for rule in cluster.all(DESTINATION_RULE) if headless else ():
        port = headless.get(host_of(rule))
        field = _field(rule)
        if port is not None and field is not None and _for_sidecars(cluster, port):
            yield _judge(cluster, rule, port, field)


def _field(rule: Object) -> FieldPath | None:
    """What cannot work where the client's address is kept: balancing, subsets, ejection."""
    policy: FieldPath = ("spec", "trafficPolicy")
    if at(rule.raw, *policy, "loadBalancer") and text_at(rule.raw, *policy, "loadBalancer", "simple") != "PASSTHROUGH":
        return (*policy, "loadBalancer")
    if items_at(rule.raw, "spec", "subsets"):
        return ("spec", "subsets")
    return None


def _for_sidecars(cluster: Cluster, port: ServicePort) -> bool:
    """Sidecars use it. A gateway alone does not count: it balances headless Services like others."""
    rules = [rule for rule, _ in istio_routes(cluster, port)]
    if rules and not any(rule.in_mesh for rule in rules):
        return any(call.workload.mesh is Mesh.SIDECAR for call in callers_of(cluster, port.service))
    return behind_sidecar(port.service) or bool(rules)


def _judge(cluster: Cluster, rule: Object, port: ServicePort, field: FieldPath) -> Conclusion:
    service = port.service
    word = "subsets" if field[-1] == "subsets" else "load balancing"
    return about(
        RULE,
        rule,
        field,
        f"{rule.title} sets {word} for {service.title}, a headless Service, where sidecars ignore it",
        symptom="For a headless Service a sidecar sends on to the very address that the client has resolved. Calls "
        "succeed, at pods that the rule would not choose: all calls of a channel on one pod, and of any subset.",
        evidence=(seen(service.object, ("spec", "clusterIP")),),
        fixes=(_fix(cluster, rule, service, port),),
        related=(service.object,),
        confidence=0.8,
    )


def _fix(cluster: Cluster, rule: Object, service: Service, port: ServicePort) -> Fix:
    twin = common_twin(cluster, service, port)
    name = twin.name if twin is not None else f"{service.name}-lb"
    edit = Edit(rule).set(("spec", "host"), full_host(name, service.namespace)).fix("")
    parts = [edit] if twin is not None else [create(balanced_manifest(service), ""), edit]
    texts = [(part.patch or f"# {part.command}").rstrip() for part in parts]
    return Fix(
        f"Balance {name}, a Service with an address of its own, and let clients dial that",
        patch="\n---\n".join(texts),
        changes=tuple(change for part in parts for change in part.changes),
    )
