"""mtls-strict-plaintext-client: a port takes mTLS only, and something without a proxy is set up to call it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._grpc import Served, all_served, bypasses_sidecar
from grpcdoctor.checks.policies._mentions import mentions_of
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, flag_at, number_at
from grpcdoctor.cluster.istio import routes as istio
from grpcdoctor.cluster.istio.mtls import PERMISSIVE, STRICT, ServerMode, server_mode
from grpcdoctor.cluster.kinds import PEER_AUTHENTICATION
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, owner_of
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD732",
    name="mtls-strict-plaintext-client",
    severity=Severity.ERROR,
    title="a gRPC server takes mTLS only, and a client of it has no proxy to speak it",
)
READS = ROUTE_KINDS

_INJECT: Final = "sidecar.istio.io/inject"
_REWRITE: Final = "sidecar.istio.io/rewriteAppHTTPProbers"
_SYMPTOM: Final = (
    "The server's proxy closes a connection that is not mTLS. Clients get UNAVAILABLE: connection reset by peer, or "
    "Socket closed."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(PEER_AUTHENTICATION):
        return
    told: set[tuple[int, int]] = set()
    judged: set[int] = set()
    for one in all_served(cluster):
        mode = server_mode(cluster, one.workload, one.number)
        if mode.mode != STRICT or mode.object is None or not _guarded(one):
            continue
        yield from _by_probe(cluster, one, mode, told)
        if id(one.port) in judged:
            continue  # the pods of a Service have the same clients
        judged.add(id(one.port))
        for client, evidence, route in _clients(cluster, one):
            owner = owner_of(cluster, client)[0]
            if (id(owner), id(one.port)) not in told:
                told.add((id(owner), id(one.port)))
                yield _finding(cluster, one, mode, client, evidence, route)


def _guarded(one: Served) -> bool:
    """A proxy in front of the server enforces it."""
    if one.workload.mesh is Mesh.SIDECAR:
        return not bypasses_sidecar(one.workload, one.number)
    return one.workload.mesh is Mesh.AMBIENT


def _clients(cluster: Cluster, one: Served) -> Iterator[tuple[Workload, Evidence, Object | None]]:
    """(a client without a proxy, what shows that it is one, the route)."""
    for rule, _ in rules_to(cluster, one.port):
        for entrance in rule.entrances if rule.platform != istio.PLATFORM else ():
            for proxy in entrance.workloads:
                if proxy.mesh is Mesh.NONE:
                    yield proxy, seen(rule.object, rule.path, f"{rule.object.title} routes there"), rule.object
    for mention in mentions_of(cluster, one.port):
        if mention.workload.mesh is Mesh.NONE:
            yield mention.workload, seen(mention.workload.object, mention.path, mention.text), None


def _finding(
    cluster: Cluster, one: Served, mode: ServerMode, client: Workload, evidence: Evidence, route: Object | None
) -> Conclusion:
    assert mode.object is not None
    owner = owner_of(cluster, client)[0]
    return about(
        RULE,
        mode.object,
        mode.path,
        f"{owner.title} calls {one.port.service.title} without a sidecar, and {mode.object.title} is STRICT",
        symptom=_SYMPTOM,
        evidence=(evidence, seen(client.object, (), f"{client.object.title} has no istio-proxy")),
        fixes=_fixes(cluster, one, mode, client, route),
        related=(one.port.service.object, owner, *((route,) if route is not None else ())),
        confidence=0.95 if route is not None else 0.85,
    )


def _fixes(
    cluster: Cluster, one: Served, mode: ServerMode, client: Workload, route: Object | None
) -> tuple[Fix, ...]:
    owner, prefix = owner_of(cluster, client)
    softer = _softened(one, mode)
    if route is not None:
        words = (
            f"Or put {owner.title} into the mesh: inject a sidecar with traffic.sidecar.istio.io/includeInboundPorts: "
            '"", and have it send to the Service\'s address, not to the pods'
        )
        return softer, Fix(words)
    if flag_at(client.spec, "hostNetwork"):
        return (softer,)
    inject = Edit(owner).set((*prefix, "metadata", "labels", _INJECT), "true")
    return inject.fix(f"Give the pods of {owner.title} a sidecar"), softer


def _softened(one: Served, mode: ServerMode) -> Fix:
    """This one port takes plaintext as well."""
    assert mode.object is not None
    summary = f"Let port {one.number} take plaintext as well as mTLS"
    item, key = mode.object, str(one.number)
    if mode.path[1] == "portLevelMtls":
        return Edit(item).set(mode.path, PERMISSIVE).fix(summary)
    if item.spec.get("selector"):
        return Edit(item).set(("spec", "portLevelMtls", key), {"mode": PERMISSIVE}).fix(summary)
    manifest: dict[str, Any] = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": f"{one.port.service.name}-port-{key}", "namespace": one.port.service.namespace},
        "spec": {
            "selector": {"matchLabels": dict(one.port.service.selector)},
            "mtls": {"mode": STRICT},
            "portLevelMtls": {key: {"mode": PERMISSIVE}},
        },
    }
    return create(manifest, summary)


def _by_probe(cluster: Cluster, one: Served, mode: ServerMode, told: set[tuple[int, int]]) -> Iterator[Conclusion]:
    """The kubelet is a client, too; its gRPC probes are rewritten to go around the sidecar, unless that is off."""
    workload = one.workload
    if workload.mesh is not Mesh.SIDECAR or workload.annotations.get(_REWRITE, "").lower() != "false":
        return
    owner, prefix = owner_of(cluster, workload)
    if (id(owner), one.number) in told:
        return
    for container in workload.containers:
        for name, probe, path in container.probes:
            if number_at(probe, "grpc", "port") == one.number:
                told.add((id(owner), one.number))
                place: FieldPath = (*prefix, "metadata", "annotations", _REWRITE)
                yield _probe_finding(one, mode, owner, place, name, seen(workload.object, path))
                return


def _probe_finding(
    one: Served, mode: ServerMode, owner: Object, place: FieldPath, name: str, probe: Evidence
) -> Conclusion:
    assert mode.object is not None
    return about(
        RULE,
        owner,
        place,
        f"The gRPC {name} of {owner.title} is not rewritten, and {mode.object.title} is STRICT",
        symptom="The kubelet has no certificate of the mesh, so the probe fails: the pods are never ready or start "
        "over and over. Clients get UNAVAILABLE: no healthy upstream.",
        evidence=(probe, seen(mode.object, mode.path)),
        fixes=(Edit(owner).remove(place).fix("Have the probe rewritten, which is the default"),),
        related=(mode.object, one.port.service.object),
    )
