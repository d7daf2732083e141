"""authorization-on-opaque-port: a policy asks for paths or methods where the sidecar does not read HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, DENY, Policy, policies_for
from grpcdoctor.checks.policies._grpc import Served, all_served, bypasses_sidecar, served_by
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, text_at, texts_at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD746",
    name="authorization-on-opaque-port",
    severity=Severity.ERROR,
    title="an AuthorizationPolicy asks for HTTP, and the gRPC port is opaque TCP",
)
READS = ROUTE_KINDS

_OPERATION: Final = ("paths", "notPaths", "methods", "notMethods", "hosts", "notHosts")
_SOURCE: Final = ("requestPrincipals", "notRequestPrincipals")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(AUTHORIZATION_POLICY):
        return
    told: set[int] = set()
    for one in all_served(cluster):
        opaque = protocol_of(one.port).protocol.is_opaque and one.workload.mesh is Mesh.SIDECAR
        if not opaque or id(one.port) in told or bypasses_sidecar(one.workload, one.number):
            continue
        if not _read_by_another(cluster, one):
            found = _cause(cluster, one)
            if found is not None:
                told.add(id(one.port))
                yield _finding(cluster, one, *found)


def _read_by_another(cluster: Cluster, one: Served) -> bool:
    """Another Service declares the same port of the pod as HTTP; the older of the two decides."""
    beside = (other.port for other in served_by(cluster, one.workload) if other.number == one.number)
    return any(not protocol_of(port).protocol.is_opaque for port in beside)


def _cause(cluster: Cluster, one: Served) -> tuple[Policy, FieldPath] | None:
    """(the policy, the rule) that closes every connection to this port."""
    chosen = policies_for(cluster, one.workload)
    for policy in chosen:
        for index, rule in policy.rules if policy.action == DENY else ():
            if _asks_http(rule) and _denies_everything(rule, one.number):
                return policy, ("spec", "rules", index)
    allowing = [(policy, index, rule) for policy in chosen if policy.action == ALLOW for index, rule in policy.rules]
    if any(not _asks_http(rule) for _, _, rule in allowing):
        return None
    return (allowing[0][0], ("spec", "rules", allowing[0][1])) if allowing else None


def _asks_http(rule: dict[str, Any]) -> bool:
    operations = (mapping_at(to, "operation") for _, to in mappings_at(rule, "to"))
    sources = (mapping_at(origin, "source") for _, origin in mappings_at(rule, "from"))
    return (
        any(operation.get(field) for operation in operations for field in _OPERATION)
        or any(source.get(field) for source in sources for field in _SOURCE)
        or any(text_at(when, "key").startswith("request.") for _, when in mappings_at(rule, "when"))
    )


def _denies_everything(rule: dict[str, Any], number: int) -> bool:
    """What is left of it without the HTTP fields is met by every connection to this port."""
    conditions = [text_at(when, "key") for _, when in mappings_at(rule, "when")]
    if rule.get("from") or not all(key.startswith("request.") for key in conditions):
        return False
    operations = [mapping_at(to, "operation") for _, to in mappings_at(rule, "to")]
    here = (op for op in operations if not op.get("notPorts"))
    return not operations or any(not op.get("ports") or str(number) in texts_at(op, "ports") for op in here)


def _finding(cluster: Cluster, one: Served, policy: Policy, place: FieldPath) -> Conclusion:
    declared, service = protocol_of(one.port), one.port.service
    effect = "leaves the rule out, so nothing is allowed" if policy.action == ALLOW else "denies every connection"
    return about(
        RULE,
        service.object,
        (*one.port.path, declared.field),
        f"{one.title} is {declared.protocol.value}, and {policy.object.title} ({policy.action}) asks for HTTP fields",
        symptom=f"On a port that it does not read, the sidecar {effect} and closes the connection. Clients get "
        "UNAVAILABLE: connection reset by peer, not PERMISSION_DENIED.",
        evidence=(seen(policy.object, place),),
        fixes=_fixes(cluster, one),
        related=(policy.object,),
    )


def _fixes(cluster: Cluster, one: Served) -> tuple[Fix, ...]:
    if intent_of(cluster, one.port).serves_tls:
        words = "The server ends TLS itself: let sidecars do it (mTLS), or allow by principals, namespaces and ports"
        return (Fix(words),)
    edit = Edit(one.port.service.object).set((*one.port.path, "appProtocol"), "grpc")
    return (edit.fix("Declare the port as gRPC, so that the sidecar reads the calls"),)
