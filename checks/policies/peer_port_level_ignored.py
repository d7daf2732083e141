"""peer-port-level-ignored: portLevelMtls without a selector, or a selector in the root namespace: both do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._fixes import copied, together
from grpcdoctor.checks.policies._grpc import Served, served_by
from grpcdoctor.cluster.changes import Edit, create, delete
from grpcdoctor.cluster.fields import mapping_at, string_map
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.kinds import PEER_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import workloads
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD743",
    name="peer-port-level-ignored",
    severity=Severity.WARNING,
    title="a PeerAuthentication for workloads or ports is where it has no effect",
)
READS = ROUTE_KINDS

_SYMPTOM = (
    "The port keeps the mode of its namespace or of the mesh. Where that is STRICT, clients without a sidecar get "
    "UNAVAILABLE: connection reset by peer."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    root = mesh_config(cluster).root_namespace
    for item in cluster.all(PEER_AUTHENTICATION):
        labels = string_map(item.raw, "spec", "selector", "matchLabels")
        if not labels and mapping_at(item.raw, "spec", "portLevelMtls"):
            yield from _without_selector(cluster, item)
        elif labels and item.namespace == root:
            yield from _in_root(cluster, item, labels)


def _without_selector(cluster: Cluster, item: Object) -> Iterator[Conclusion]:
    levels = {str(key) for key in mapping_at(item.raw, "spec", "portLevelMtls")}
    shown = workloads(cluster).in_namespace(item.namespace)
    meant = [one for workload in shown for one in served_by(cluster, workload) if str(one.number) in levels]
    if meant:
        selector = {"matchLabels": dict(meant[0].port.service.selector)}
        yield about(
            RULE,
            item,
            ("spec", "portLevelMtls"),
            f"{item.title} sets mTLS for port {meant[0].number} and has no selector, so the setting does not count",
            symptom=_SYMPTOM,
            evidence=(seen(item, ("spec", "selector")),),
            fixes=(
                Edit(item).set(("spec", "selector"), selector).fix(f"Select the pods of {meant[0].port.service.title}"),
            ),
            related=_services(meant),
        )


def _in_root(cluster: Cluster, item: Object, labels: dict[str, str]) -> Iterator[Conclusion]:
    chosen = workloads(cluster).select_anywhere(labels)
    meant = [one for workload in chosen for one in served_by(cluster, workload)]
    if not meant:
        return
    copies = [
        create(
            {
                "apiVersion": item.api_version,
                "kind": "PeerAuthentication",
                "metadata": {"name": item.name, "namespace": namespace},
                "spec": copied(item.spec),
            },
            "",
        )
        for namespace in sorted({one.workload.namespace for one in meant} - {item.namespace})
    ]
    yield about(
        RULE,
        item,
        ("spec", "selector"),
        f"{item.title} selects workloads from the root namespace, where such a policy is ignored",
        symptom=_SYMPTOM,
        evidence=(seen(meant[0].workload.object, (), f"{meant[0].workload.title} has these labels"),),
        fixes=(together("Move it into the namespace of the workloads", *copies, delete(item, "")),),
        related=_services(meant),
    )


def _services(found: list[Served]) -> tuple[Object, ...]:
    return tuple({id(one.port.service): one.port.service.object for one in found}.values())
