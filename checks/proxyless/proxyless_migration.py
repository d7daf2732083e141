"""proxyless-migration: what a workload that is to become proxyless would lose, keep and gain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._mentions import mentions_of
from grpcdoctor.checks.proxyless._agent import annotation, with_agent
from grpcdoctor.checks.proxyless._clients import owners, routes_for
from grpcdoctor.checks.proxyless._migration import (
    GAINED,
    LOST,
    Change,
    of_mtls,
    of_pod,
    of_policies,
    of_policy,
    of_route,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at
from grpcdoctor.cluster.intent import intent_of, says_grpc
from grpcdoctor.cluster.istio.destination_rules import rules_for
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort, services, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD839",
    name="proxyless-migration",
    severity=Severity.INFO,
    title="what a workload loses, keeps and gains by giving up its sidecar",
)
READS = ROUTE_KINDS
PLANNED: Final = "grpcdoctor.io/proxyless"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    """For workloads that are marked; `inspect --proxyless` asks for others."""
    for workload in owners(cluster):
        if workload.annotations.get(PLANNED) == "planned":
            yield from migration_of(cluster, workload)


def candidates(cluster: Cluster) -> tuple[Workload, ...]:
    """Every workload with a sidecar that serves gRPC, or is set up to call it."""
    callers = _callers(cluster)
    return tuple(
        workload
        for workload in owners(cluster)
        if workload.mesh is Mesh.SIDECAR and (_served(cluster, workload) or _key(cluster, workload) in callers)
    )


def migration_of(cluster: Cluster, workload: Workload) -> Iterator[Finding]:
    """One finding for every feature in use, what is lost first."""
    found = dict.fromkeys((*_as_client(cluster, workload), *_as_server(cluster, workload)))
    for change in sorted(found, key=lambda change: change.verdict != LOST):
        yield _finding(cluster, workload, change)
    yield _finding(cluster, workload, _gain(workload))


def _as_client(cluster: Cluster, workload: Workload) -> Iterator[Change]:
    for service in _callers(cluster).get(_key(cluster, workload), ()):
        full = f"{service.name}.{service.namespace}.svc.{mesh_config(cluster).domain}"
        for route in routes_for(cluster, full, workload):
            yield from of_route(route)
        for rule in rules_for(cluster, full, service.namespace, workload.namespace, workload.labels):
            yield from _of_rule(rule)


def _of_rule(rule: Object) -> Iterator[Change]:
    base: FieldPath = ("spec", "trafficPolicy")
    whole = [base, *(("spec", "subsets", i, "trafficPolicy") for i, _ in mappings_at(rule.raw, "spec", "subsets"))]
    for path in whole:
        policy = mapping_at(rule.raw, *path)
        yield from of_policy(rule, path, policy)
        for index, settings in mappings_at(policy, "portLevelSettings"):
            yield from of_policy(rule, (*path, "portLevelSettings", index), settings)


def _as_server(cluster: Cluster, workload: Workload) -> Iterator[Change]:
    ports = _served(cluster, workload)
    if ports:
        yield from of_mtls(cluster, workload, ports)
    yield from of_policies(cluster, workload)
    yield from of_pod(workload)


def _gain(workload: Workload) -> Change:
    why = "No Envoy in the pod: less memory, CPU and latency; calls are balanced in the client. Its code must use xDS."
    return Change(GAINED, "the sidecar's share of every call", why, workload.object)


def _served(cluster: Cluster, workload: Workload) -> tuple[ServicePort, ...]:
    """The gRPC ports of its Services."""
    found = (port for service in services_selecting(cluster, workload) for port in service.ports)
    return tuple(port for port in found if intent_of(cluster, port).is_grpc)


def _callers(cluster: Cluster) -> dict[int, list[Service]]:
    """id of an owner -> the Services with a gRPC port that its arguments and variables name."""
    return cluster.once(_named)


def _key(cluster: Cluster, workload: Workload) -> int:
    return id(owner_of(cluster, workload)[0])


def _named(cluster: Cluster) -> dict[int, list[Service]]:
    found: dict[int, list[Service]] = {}
    for service in services(cluster):
        ports = [port for port in service.ports if intent_of(cluster, port).is_grpc or says_grpc(port.name)]
        for workload in _mentioning(cluster, ports):
            listed = found.setdefault(_key(cluster, workload), [])
            if service not in listed:
                listed.append(service)
    return found


def _mentioning(cluster: Cluster, ports: Iterable[ServicePort]) -> Iterator[Workload]:
    for port in ports:
        for mention in mentions_of(cluster, port):
            yield mention.workload


def _finding(cluster: Cluster, workload: Workload, change: Change) -> Finding:
    where, path = annotation(cluster, workload, PLANNED)
    return about(
        RULE,
        change.object,
        change.path,
        f"{workload.title}: {change.verdict}: {change.what}",
        symptom=change.why,
        fixes=(
            with_agent(cluster, workload, Edit(where).remove(path)).fix("Inject the agent in place of the sidecar"),
        ),
        related=(workload.object,),
    )
