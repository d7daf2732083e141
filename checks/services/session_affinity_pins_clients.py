"""session-affinity-pins-clients: all gRPC clients behind one address get the same pod."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import grpc_ports, has_sidecars, hints, pods_behind
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, text_at
from grpcdoctor.cluster.paths import PATH_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD527",
    name="session-affinity-pins-clients",
    severity=Severity.WARNING,
    title="session affinity sends all gRPC clients of one address to one pod",
)
READS = PATH_KINDS
_FIELD: FieldPath = ("spec", "sessionAffinity")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for port, intent in grpc_ports(cluster):
        service = port.service
        if text_at(service.object.raw, *_FIELD) != "ClientIP" or service.is_headless or id(service) in done:
            continue
        if pods_behind(service) < 2:
            continue
        done.add(id(service))
        routes = rules_to(cluster, port)
        outside = service.type in ("LoadBalancer", "NodePort")
        edit = Edit(service.object).remove(("spec", "sessionAffinityConfig")).set(_FIELD, "None")
        mild = not outside or bool(routes) or has_sidecars(cluster)
        yield about(
            RULE,
            service.object,
            _FIELD,
            f"{service.title} sends all connections of one client address to one pod (sessionAffinity: ClientIP)",
            symptom="Behind a NAT or a load balancer many clients have one address, and all their channels reach one "
            "pod: slow calls and RESOURCE_EXHAUSTED there, while others idle. (Sidecars and gateways do not heed it.)",
            evidence=hints(intent.grpc, 1),
            fixes=(edit.fix("Turn session affinity off"),),
            related=tuple(rule.object for rule, _ in routes),
            severity=Severity.INFO if mild else None,
            confidence=0.8,
        )
