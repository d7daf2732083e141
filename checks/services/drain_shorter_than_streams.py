"""drain-shorter-than-streams: long gRPC streams are cut at each rollout, for the sidecar leaves first."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._owners import annotation_in_owner, once_each
from grpcdoctor.checks.services._ports import grpc_ports, istio_routes
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD524",
    name="drain-shorter-than-streams",
    severity=Severity.INFO,
    title="the sidecar of a gRPC server with long streams drains for five seconds only",
)
READS = ROUTE_KINDS
CONFIG = "proxy.istio.io/config"
_SETTINGS = ("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "terminationDrainDuration")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    defaults = mapping_at(mesh_config(cluster).values, "defaultConfig")
    if any(word in str(defaults) for word in _SETTINGS):
        return
    done: set[int] = set()
    for port, _ in grpc_ports(cluster):
        route = _endless(cluster, port)
        for workload in once_each(cluster, port.service.distinct_workloads) if route is not None else ():
            if route is not None and id(workload) not in done and _drains_briefly(workload):
                done.add(id(workload))
                yield _judge(cluster, port, workload, route)


def _endless(cluster: Cluster, port: ServicePort) -> tuple[Object, FieldPath] | None:
    """A route that says on purpose that calls may last: `timeout: 0s`."""
    for rule, _ in istio_routes(cluster, port):
        if text_at(mapping_at(rule.object.raw, *rule.path), "timeout") in ("0s", "0"):
            return rule.object, (*rule.path, "timeout")
    return None


def _drains_briefly(workload: Workload) -> bool:
    if workload.mesh is not Mesh.SIDECAR or any(word in workload.annotations.get(CONFIG, "") for word in _SETTINGS):
        return False
    # A native sidecar (an init container that stays) ends after the application.
    if any(text_at(raw, "name") == "istio-proxy" for _, raw in mappings_at(workload.spec, "initContainers")):
        return False
    proxy = next((c for c in workload.all_containers if c.name == "istio-proxy"), None)
    return proxy is None or _SETTINGS[0] not in proxy.environment


def _judge(cluster: Cluster, port: ServicePort, workload: Workload, route: tuple[Object, FieldPath]) -> Conclusion:
    owner, path = annotation_in_owner(cluster, workload, CONFIG)
    old = workload.annotations.get(CONFIG)
    wanted = '{"proxyMetadata": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}}'
    summary = "Let the sidecar stay until the last connection has ended (within terminationGracePeriodSeconds)"
    if old is None:
        fix = Edit(owner).set(path, wanted).fix(summary)
    else:
        fix = Fix(f"{summary}: add proxyMetadata EXIT_ON_ZERO_ACTIVE_CONNECTIONS to {CONFIG}", patch=f"# {wanted}")
    grace = number_at(workload.spec, "terminationGracePeriodSeconds")
    return about(
        RULE,
        workload.object,
        workload.path("metadata", "annotations", CONFIG),
        f"{workload.title} serves streams without a time limit, and its sidecar drains for 5 s only",
        symptom="When a pod is replaced, the sidecar drains for 5 s and exits, whatever streams are open. Their "
        "clients get UNAVAILABLE (connection reset, GOAWAY) at each rollout, and must begin anew.",
        evidence=(
            seen(route[0], route[1]),
            seen(workload.object, workload.path("spec", "terminationGracePeriodSeconds"),
                 f"terminationGracePeriodSeconds is {grace if grace is not None else '30, the default'}"),
        ),
        fixes=(fix,),
        related=(port.service.object, route[0]),
        confidence=0.7,
    )  # fmt: skip
