"""authorization-provider-missing: a CUSTOM policy names an external authorizer that meshConfig does not have."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import Policy, policies
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at, mappings_at, text_at
from grpcdoctor.cluster.istio.hosts import find_host, service_name_of
from grpcdoctor.cluster.istio.mesh import MeshConfig, mesh_config
from grpcdoctor.cluster.kinds import CONFIG_MAP, SERVICE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD750",
    name="authorization-provider-missing",
    severity=Severity.ERROR,
    title="an AuthorizationPolicy asks an external authorizer that the mesh does not have",
)
READS = ROUTE_KINDS

_KINDS: Final = ("envoyExtAuthzGrpc", "envoyExtAuthzHttp")
_SYMPTOM: Final = (
    "Without a working provider Istio denies every call that the rules meet. Clients get "
    "PERMISSION_DENIED: RBAC: access denied."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in policies(cluster):
        if policy.action == "CUSTOM" and _for_grpc(cluster, policy):
            yield from _judge(cluster, policy)


def _for_grpc(cluster: Cluster, policy: Policy) -> bool:
    return any(operation.is_for_grpc for operation in policy.operations) or bool(policy.enforced(cluster))


def _judge(cluster: Cluster, policy: Policy) -> Iterator[Conclusion]:
    mesh, name = mesh_config(cluster), text_at(policy.object.raw, "spec", "provider", "name")
    if mesh.object is None:
        yield BlindSpot(
            f'extension provider "{name}"',
            f"{policy.object.title} asks it, and the ConfigMap with meshConfig was not shown",
            decide="kubectl -n istio-system get configmap istio -o yaml",
            blocks_verdict=False,
        )
        return
    providers = _providers(mesh)
    if name in providers:
        yield from _unknown_service(cluster, policy, mesh, providers[name])
    elif not any(name and name in text_at(item.raw, "data", "mesh") for item in cluster.all(CONFIG_MAP)):
        yield _finding(cluster, policy, mesh, name, list(providers))


def _providers(mesh: MeshConfig) -> dict[str, str]:
    """Name of every external authorizer -> its host."""
    return {
        text_at(raw, "name"): text_at(raw, kind, "service").rpartition("/")[2]
        for _, raw in mappings_at(mesh.values, "extensionProviders")
        for kind in _KINDS
        if mapping_at(raw, kind)
    }


def _finding(cluster: Cluster, policy: Policy, mesh: MeshConfig, name: str, known: list[str]) -> Finding:
    assert mesh.object is not None
    item, place = policy.object, ("spec", "provider", "name")
    near = get_close_matches(name, known, 1, 0.8)
    entry = f'- name: {name or "NAME"}\n  envoyExtAuthzGrpc: {{service: HOST, port: PORT}}'
    fix = (
        Edit(item).set(place, near[0]).fix(f'Name the provider "{near[0]}"')
        if near
        else Fix(f"Add it to extensionProviders in ConfigMap {mesh.object.full_name}", patch=entry)
    )
    return about(
        RULE,
        item,
        place,
        f'{item.title} (CUSTOM) asks the provider "{name}", and meshConfig has {", ".join(known) or "none"}',
        symptom=_SYMPTOM,
        evidence=(seen(mesh.object, ("data",), f"extensionProviders: {', '.join(known) or 'no external authorizer'}"),),
        fixes=(fix,),
        related=(mesh.object, *policy.concerned(cluster)),
    )


def _unknown_service(cluster: Cluster, policy: Policy, mesh: MeshConfig, host: str) -> Iterator[Conclusion]:
    named = service_name_of(host)
    if named is None or find_host(cluster, host) is not None or not cluster.has_all(SERVICE, named[0]):
        return
    assert mesh.object is not None
    yield about(
        RULE,
        policy.object,
        ("spec", "provider", "name"),
        f"{policy.object.title} (CUSTOM) asks a provider whose Service {named[0]}/{named[1]} does not exist",
        symptom=_SYMPTOM,
        evidence=(seen(mesh.object, ("data",), f"the provider's service is {host}"),),
        fixes=(Fix(f"Create the Service {named[0]}/{named[1]}, or correct the host in {mesh.object.title}"),),
        related=(mesh.object, *policy.concerned(cluster)),
    )
