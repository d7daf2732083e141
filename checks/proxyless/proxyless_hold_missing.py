"""proxyless-hold-missing: the application may start before the agent has written its bootstrap."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._agent import CONFIG, HOLD, annotation, holds, with_hold
from grpcdoctor.checks.proxyless._clients import AGENT, TEMPLATES, proxyless, template_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import CONFIG_MAP
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD802",
    name="proxyless-hold-missing",
    severity=Severity.WARNING,
    title="a proxyless application may start before its bootstrap is written",
)
READS = (*ROUTE_KINDS, CONFIG_MAP)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for workload in proxyless(cluster):
        if template_of(workload) != AGENT or holds(cluster, workload) or _agent_is_first(workload):
            continue
        where, path = annotation(cluster, workload, CONFIG)
        yield about(
            RULE,
            where,
            path,
            f"{workload.title} is proxyless and does not set {HOLD}",
            symptom="The agent starts last, and the file that GRPC_XDS_BOOTSTRAP names comes after the application "
            "has looked "
            "for it. The first start fails or xDS stays off: Failed to load file, or no such file or directory.",
            evidence=(seen(workload.object, workload.path("metadata", "annotations", TEMPLATES)),),
            fixes=(
                Edit(where)
                .set(path, with_hold(workload.annotations.get(CONFIG, "")))
                .fix("Start the application after the agent"),
            ),
            confidence=1.0 if _knows_the_default(cluster) else 0.8,
        )


def _knows_the_default(cluster: Cluster) -> bool:
    """The mesh's own setting was read: it may hold back all applications."""
    mesh = mesh_config(cluster)
    return mesh.object is not None or cluster.knows(CONFIG_MAP, mesh.root_namespace, "istio")


def _agent_is_first(workload: Workload) -> bool:
    """In a running Pod: its postStart hook holds back all containers behind it."""
    found = workload.all_containers
    return bool(found) and len(found) > 1 and found[0].name == "istio-proxy"
