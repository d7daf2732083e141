"""backend-tls-policy-invalid: a BackendTLSPolicy that no implementation can follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpcdoctor.checks._findings import about
from grpcdoctor.checks._gateway_api import nearest
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, string_map, text_at
from grpcdoctor.cluster.gateway_api.backend_tls import targets_of
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import BACKEND_TLS_POLICY, CONFIG_MAP
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, find_service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD777",
    name="backend-tls-policy-invalid",
    severity=Severity.ERROR,
    title="a BackendTLSPolicy for a gRPC server cannot be followed",
)
READS = (*ROUTE_KINDS, CONFIG_MAP)
_PEM = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class _Fault:
    path: FieldPath
    text: str
    fix: Fix
    confidence: float = 1.0


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in cluster.all(BACKEND_TLS_POLICY):
        services = [found for _, ref in targets_of(policy) if (found := _service(cluster, policy, ref)) is not None]
        if not any(intent_of(cluster, port).may_be_grpc for service in services for port in service.ports):
            continue
        for fault in (*_sections(policy, cluster), *_hostname(policy, services[0]), *_authority(cluster, policy)):
            yield about(
                RULE,
                policy,
                fault.path,
                f"{policy.title} {fault.text}",
                symptom="The policy gets Accepted=False or ResolvedRefs=False. The gateway then fails every call to "
                "the pods, or speaks plaintext to them: clients get UNAVAILABLE, or UNKNOWN with HTTP status 500.",
                fixes=(fault.fix,),
                related=tuple(service.object for service in services),
                confidence=fault.confidence,
            )


def _service(cluster: Cluster, policy: Object, ref: dict[str, object]) -> Service | None:
    if text_at(ref, "kind") != "Service" or text_at(ref, "group") not in ("", "core"):
        return None
    return find_service(cluster, policy.namespace, text_at(ref, "name"))


def _sections(policy: Object, cluster: Cluster) -> Iterator[_Fault]:
    for path, ref in targets_of(policy):
        service, section = _service(cluster, policy, ref), text_at(ref, "sectionName")
        if service is not None and section and service.port(section) is None:
            names = ", ".join(port.name for port in service.ports if port.name) or "none with a name"
            edit = Edit(policy).remove((*path, "sectionName"))
            text = f"is for the port {section} of {service.title}, which has none of that name ({names})"
            yield _Fault((*path, "sectionName"), text, edit.fix("Let it hold for every port of the Service"))


def _hostname(policy: Object, service: Service) -> Iterator[_Fault]:
    path: FieldPath = ("spec", "validation", "hostname")
    name = text_at(policy.raw, *path)
    wanted = f"{service.name}.{service.namespace}.svc"
    fix = Edit(policy).set(path, wanted).fix(f"Name the host that the pods' certificate is for (mostly {wanted})")
    if not name:
        yield _Fault(path, "has no hostname, which is the name that the pods' certificate must have", fix)
    elif "*" in name:
        yield _Fault(path, f'has the hostname "{name}", and wildcards are not allowed there', fix)


def _authority(cluster: Cluster, policy: Object) -> Iterator[_Fault]:
    path: FieldPath = ("spec", "validation")
    validation = mapping_at(policy.raw, *path)
    refs, known = items_at(validation, "caCertificateRefs"), text_at(validation, "wellKnownCACertificates")
    if refs and known:
        edit = Edit(policy).remove((*path, "wellKnownCACertificates"))
        text = "names both caCertificateRefs and wellKnownCACertificates, and only one is allowed"
        yield _Fault((*path, "wellKnownCACertificates"), text, edit.fix("Leave only its own CA"))
    elif not refs and not known:
        edit = Edit(policy).set((*path, "wellKnownCACertificates"), "System")
        text = "names no CA: neither caCertificateRefs nor wellKnownCACertificates"
        summary = "Trust the system's CAs; for a CA of your own, name its ConfigMap in caCertificateRefs instead"
        yield _Fault((*path, "caCertificateRefs"), text, edit.fix(summary))
    for index, ref in mappings_at(validation, "caCertificateRefs"):
        if text_at(ref, "kind") == "ConfigMap":
            yield from _config_map(cluster, policy, (*path, "caCertificateRefs", index), text_at(ref, "name"))


def _config_map(cluster: Cluster, policy: Object, path: FieldPath, name: str) -> Iterator[_Fault]:
    found = cluster.get(CONFIG_MAP, policy.namespace, name)
    if found is None:
        sure = cluster.knows(CONFIG_MAP, policy.namespace, name)
        meant = nearest(name, (item.name for item in cluster.in_namespace(CONFIG_MAP, policy.namespace)), sure)
        command = f"kubectl -n {policy.namespace} create configmap {name} --from-file=ca.crt"
        fix = Fix(f"Create the ConfigMap {policy.namespace}/{name} with the CA's certificate", command=command)
        if meant is not None:
            fix = Edit(policy).set((*path, "name"), meant).fix(f"Name the ConfigMap {meant}, which is there")
        if sure or meant is not None:
            text = f"takes the CA from ConfigMap {policy.namespace}/{name}, which does not exist"
            yield _Fault((*path, "name"), text, fix, 1.0 if sure else 0.75)
        return
    data = string_map(found.raw, "data")
    if not data.get("ca.crt"):
        candidates = [value for value in data.values() if _PEM in value]
        fix = Fix(f"Put the CA's certificate into {found.title} under the key ca.crt")
        if len(candidates) == 1:
            edit = Edit(found).set(("data", "ca.crt"), candidates[0])
            fix = edit.fix("Give the certificate the key ca.crt, which is the only one that counts")
        text = f"takes the CA from {found.title}, which has no key ca.crt (but {', '.join(data) or 'nothing'})"
        yield _Fault((*path, "name"), text, fix)
