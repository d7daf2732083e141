"""proxyless-envoy-filter-ignored: an EnvoyFilter selects pods that have no Envoy."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import TEMPLATES
from grpcdoctor.cluster.changes import delete
from grpcdoctor.cluster.fields import string_map
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import ENVOY_FILTER
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, workloads
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD814",
    name="proxyless-envoy-filter-ignored",
    severity=Severity.INFO,
    title="an EnvoyFilter selects pods that have no Envoy",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    root = mesh_config(cluster).root_namespace
    for item in cluster.all(ENVOY_FILTER):
        labels = string_map(item.raw, "spec", "workloadSelector", "labels")
        found = workloads(cluster).select_anywhere(labels)
        chosen = [w for w in found if item.namespace in (w.namespace, root)]
        if not chosen or any(workload.mesh is not Mesh.PROXYLESS for workload in chosen):
            continue
        first = chosen[0]
        yield about(
            RULE,
            item,
            ("spec", "workloadSelector", "labels"),
            f"{item.title} selects {first.title}, which is proxyless, and no pod with an Envoy",
            symptom="istiod does not apply EnvoyFilters to what it sends to gRPC's own xDS. The patches have no "
            "effect: limits, "
            "timeouts or filters that they bring are not there.",
            evidence=(seen(first.object, first.path("metadata", "annotations", TEMPLATES)),),
            fixes=(delete(item, "Delete it: nothing uses it"),),
            related=tuple(workload.object for workload in chosen[:3]),
        )
