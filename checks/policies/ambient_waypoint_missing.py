"""ambient-waypoint-missing: layer 7 configuration for a gRPC Service in ambient mode that no waypoint carries out."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import together
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.listeners import class_name_of
from grpcdoctor.cluster.gateway_api.parents import parents_of
from grpcdoctor.cluster.gateway_api.waypoints import USE_WAYPOINT, waypoint_of
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import full_host, service_name_of
from grpcdoctor.cluster.istio.virtual_services import virtual_services
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY, GATEWAY, GRPC_ROUTE, HTTP_ROUTE, NAMESPACE, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, find_service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD776",
    name="ambient-waypoint-missing",
    severity=Severity.WARNING,
    title="routes or policies for gRPC in ambient mode have no waypoint that carries them out",
)
READS = ROUTE_KINDS
_WAYPOINT_CLASS = "istio-waypoint"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found: dict[int, tuple[Service, list[tuple[Object, FieldPath]]]] = {}
    for item, path, service in _wanting(cluster):
        found.setdefault(id(service), (service, []))[1].append((item, path))
    for service, wanting in found.values():
        if _is_ambient_grpc(cluster, service) and _lacks_waypoint(cluster, service):
            yield _finding(cluster, service, wanting)


def _wanting(cluster: Cluster) -> Iterator[tuple[Object, FieldPath, Service]]:
    """(object, field, the Service) of everything for a Service's clients that needs layer 7."""
    for route in (*cluster.all(GRPC_ROUTE), *cluster.all(HTTP_ROUTE)):
        for parent in parents_of(route):
            service = find_service(cluster, parent.namespace, parent.name) if parent.is_service else None
            if service is not None:
                yield route, parent.path, service
    for virtual in virtual_services(cluster):
        if virtual.in_mesh and any(route.section == "http" for route in virtual.routes):
            for index, host in enumerate(virtual.hosts):
                named = service_name_of(full_host(host, virtual.object.namespace))
                service = find_service(cluster, *named) if named is not None else None
                if service is not None:
                    yield virtual.object, ("spec", "hosts", index), service
    for policy in cluster.all(AUTHORIZATION_POLICY):
        for index, ref in mappings_at(policy.raw, "spec", "targetRefs"):
            named_service = text_at(ref, "kind") == SERVICE.name and text_at(ref, "group") in ("", "core")
            service = find_service(cluster, policy.namespace, text_at(ref, "name")) if named_service else None
            if service is not None:
                yield policy, ("spec", "targetRefs", index), service


def _is_ambient_grpc(cluster: Cluster, service: Service) -> bool:
    workloads = service.workloads
    if not workloads or any(workload.mesh is not Mesh.AMBIENT for workload in workloads):
        return False
    return any(intent_of(cluster, port).is_grpc for port in service.ports)


def _lacks_waypoint(cluster: Cluster, service: Service) -> bool:
    waypoint = waypoint_of(cluster, service)
    if waypoint is None:
        return cluster.get(NAMESPACE, "", service.namespace) is not None
    absent = cluster.get(GATEWAY, waypoint.namespace, waypoint.name) is None
    return absent and cluster.has_all(GATEWAY, waypoint.namespace)


def _finding(cluster: Cluster, service: Service, wanting: list[tuple[Object, FieldPath]]) -> Conclusion:
    waypoint = waypoint_of(cluster, service)
    objects = tuple(dict.fromkeys(item for item, _ in wanting))
    names = ", ".join(item.title for item in objects[:2]) + (", …" if len(objects) > 2 else "")
    why = f"its waypoint {waypoint.namespace}/{waypoint.name} does not exist" if waypoint else "it has no waypoint"
    return about(
        RULE,
        service.object,
        ("metadata", "labels", USE_WAYPOINT),
        f"{names} cannot take effect for {service.title}: {why}",
        symptom="In ambient mode ztunnel carries TCP only; routes, retries and policies by path need a waypoint. They "
        "are ignored without a word, and each gRPC channel stays on one pod: one pod has the load.",
        evidence=tuple(seen(item, path) for item, path in wanting[:3]),
        fixes=(_fix(cluster, service),),
        related=objects,
    )


def _fix(cluster: Cluster, service: Service) -> Fix:
    namespace = service.namespace
    present = [item for item in cluster.in_namespace(GATEWAY, namespace) if class_name_of(item) == _WAYPOINT_CLASS]
    name = present[0].name if present else "waypoint"
    edit = Edit(service.object).set(("metadata", "labels", USE_WAYPOINT), name)
    use = edit.fix(f"Send the Service's traffic through the waypoint {name}")
    if present:
        return use
    manifest = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": GATEWAY.name,
        "metadata": {"name": name, "namespace": namespace, "labels": {"istio.io/waypoint-for": "service"}},
        "spec": {
            "gatewayClassName": _WAYPOINT_CLASS,
            "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
        },
    }
    return together("Create a waypoint and send the Service's traffic through it", create(manifest, ""), use)
