"""ingress-upstream-pinned: nginx sends to the Service's address, and kube-proxy pins each connection to one pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import (
    Carried,
    annotation_path,
    confidence,
    evidence_of,
    grpc_by_nginx,
    nginx_key,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.ingress.installed import pods_of
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD682",
    name="ingress-upstream-pinned",
    severity=Severity.WARNING,
    title="nginx sends to the Service's address, so that each connection stays with one pod",
)
READS = ROUTE_KINDS
_KEY: Final = nginx_key("service-upstream")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if any(_meshed(pod) for pod in pods_of(cluster, NGINX)):
        return
    for item, group in grpc_by_nginx(cluster):
        if flag_at(item.annotations, _KEY) is not True:
            continue
        spread = [each for each in group if _pods(each) > 1]
        if not spread:
            continue
        yield about(
            RULE,
            item,
            annotation_path(_KEY),
            f"{item.title} has nginx send gRPC to the address of {spread[0].title}, not to its {_pods(spread[0])} pods",
            symptom="nginx keeps few connections and reuses them for many calls, and kube-proxy chooses a pod per "
            "connection. Some pods are overloaded and answer late (DEADLINE_EXCEEDED), while others are idle.",
            evidence=(
                *evidence_of(spread, 1),
                *(seen(w.object, ("metadata", "name"), f"{w.title} is behind it") for w in _workloads(spread[0])[:1]),
            ),
            fixes=(Edit(item).remove(annotation_path(_KEY)).fix("Let nginx choose a pod for each call"),),
            related=services_in(spread),
            confidence=confidence(cluster, item, 0.8),
        )


def _workloads(each: Carried) -> tuple[Workload, ...]:
    return each.backend.service.workloads if each.backend.service is not None else ()


def _pods(each: Carried) -> int:
    """How many pods there are to choose from; 0 where a mesh balances behind the address, which is as it should be."""
    found = _workloads(each)
    if any(_meshed(workload) for workload in found):
        return 0
    return sum(workload.replicas if workload.replicas is not None else 1 for workload in found)


def _meshed(workload: Workload) -> bool:
    return workload.linkerd or workload.mesh in (Mesh.SIDECAR, Mesh.AMBIENT)
