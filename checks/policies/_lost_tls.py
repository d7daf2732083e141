"""The cases of destination-tls-mismatch where a TLS setting is there and does not reach the proxy, or comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._clients import client_of, gateways_to, senders_to
from grpcdoctor.checks.policies._fixes import copied
from grpcdoctor.checks.policies._grpc import grpc_entry_ports, grpc_ports
from grpcdoctor.checks.policies._mentions import mentions_of
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, at, mappings_at, number_at, text_at, texts_at
from grpcdoctor.cluster.istio.destination_rules import host_of, rules_for
from grpcdoctor.cluster.istio.hosts import visible_from
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.istio.upstream import Client, policy_for
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh
from grpcdoctor.model.finding import Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

MISMATCH: Final = Rule(
    code="GD731",
    name="destination-tls-mismatch",
    severity=Severity.ERROR,
    title="a DestinationRule has proxies speak other TLS than the server takes",
)
_ORIGINATES: Final = ("SIMPLE", "MUTUAL")
_TOP: Final[FieldPath] = ("spec", "trafficPolicy", "tls")
_SENT_PLAIN: Final = (
    "The proxy sends plaintext to a server that expects TLS. Clients get UNAVAILABLE: upstream connect error or "
    "disconnect/reset before headers. reset reason: connection termination."
)
_TWICE: Final = (
    "The proxy wraps the client's own TLS into another one, and the server reads a handshake where it expects HTTP/2. "
    "Clients get UNAVAILABLE with a handshake error such as SSL_ERROR_SSL or connection reset."
)
_TLS_SCHEMES: Final = ("https", "grpcs", "grpc+tls")


def lost_tls(cluster: Cluster) -> Iterator[Finding]:
    """Of ServiceEntries and of Services outside the mesh: there, nothing makes up for a TLS setting that is lost."""
    if not cluster.all(DESTINATION_RULE):
        return
    ports: list[tuple[ServicePort | EntryPort, str]] = list(grpc_entry_ports(cluster))
    services = ((port, port.service) for port in grpc_ports(cluster))
    ports += [(p, s.full_host) for p, s in services if not any(w.mesh.takes_mtls for w in s.workloads)]
    told: set[tuple[int, FieldPath]] = set()
    for port, full in ports:
        cases = (case(cluster, port, full) for case in (_by_port, _invisible, _twice))
        for finding, key in (pair for case in cases for pair in case):
            if key not in told:
                told.add(key)
                yield finding


def _by_port(
    cluster: Cluster, port: ServicePort | EntryPort, full: str
) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    """portLevelSettings for this port leave out the tls that the policy has."""
    if protocol_of(port).protocol.is_opaque:
        return
    for sender in senders_to(cluster, port, full):
        for rule in _rules(cluster, sender.client, port, full)[:1]:
            top = at(rule.raw, *_TOP)
            place = _settings(rule, port.number)
            if text_at(top, "mode") in _ORIGINATES and place is not None and at(rule.raw, *place, "tls") is None:
                finding = about(
                    MISMATCH,
                    rule,
                    place,
                    f"{rule.title} sets {top['mode']} TLS, and its portLevelSettings for port {port.number} drop it",
                    symptom=f"Settings of a port replace the whole policy; they inherit nothing. {_SENT_PLAIN}",
                    evidence=(seen(rule, (*_TOP, "mode")),),
                    fixes=(Edit(rule).set((*place, "tls"), copied(top)).fix("Repeat the tls block there"),),
                    related=(_holder(port), *((sender.route,) if sender.route is not None else ())),
                )
                yield finding, (id(rule), place)


def _invisible(
    cluster: Cluster, port: ServicePort | EntryPort, full: str
) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    """A gateway routes there and does not see the rule that has the TLS."""
    for sender in gateways_to(cluster, port):
        if policy_for(cluster, sender.client, port, full, sender.subset).find("tls") is not None:
            continue
        seen_by = _rules(cluster, sender.client, port, full)
        for rule in cluster.once(_with_tls).get(full, ()):
            if rule in seen_by:
                continue
            namespace = sender.client.namespace
            hidden = not visible_from(rule, namespace)
            because = "its exportTo leaves out" if hidden else "it lies neither in the host's namespace nor in"
            finding = about(
                MISMATCH,
                rule,
                ("spec", "exportTo") if hidden else ("metadata", "namespace"),
                f"{rule.title} sets TLS for {full}, unseen by the {sender.words}",
                symptom=f"{because.capitalize()} namespace {namespace}, where the proxy is. {_SENT_PLAIN}",
                evidence=(seen(rule, _TOP),),
                fixes=tuple(shown_to(cluster, rule, namespace, _holder(port).namespace, full)),
                related=(_holder(port), *((sender.route,) if sender.route is not None else ())),
            )
            yield finding, (id(rule), _TOP)


def _twice(
    cluster: Cluster, port: ServicePort | EntryPort, full: str
) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    """A client that speaks TLS itself, on a port that its sidecar hands on unread, and the rule adds TLS."""
    if not protocol_of(port).protocol.is_opaque:
        return
    for mention in mentions_of(cluster, port):
        workload = mention.workload
        if workload.mesh is not Mesh.SIDECAR or mention.scheme not in _TLS_SCHEMES:
            continue
        found = policy_for(cluster, client_of(workload), port, full).find("tls", "mode")
        if found is None or found.text not in _ORIGINATES:
            continue
        finding = about(
            MISMATCH,
            found.object,
            found.path,
            f"{workload.object.title} speaks TLS itself, and {found.object.title} adds {found.text} TLS for {full}",
            symptom=_TWICE,
            evidence=(seen(workload.object, mention.path, mention.text), seen(_holder(port), port.path)),
            fixes=(Edit(found.object).remove(found.path[:-1]).fix("Remove it: the client's own TLS remains"),),
            related=(_holder(port), workload.object),
            confidence=0.8,
        )
        yield finding, (id(found.object), found.path)


def shown_to(cluster: Cluster, rule: Object, namespace: str, home: str, full: str) -> Iterator[Fix]:
    """How a proxy in `namespace` gets to see the rule; `home` is where the host is registered."""
    export = list(texts_at(rule.raw, "spec", "exportTo"))
    if rule.namespace in (home, namespace):
        yield Edit(rule).set(("spec", "exportTo"), [*export, namespace]).fix(f"Export it to namespace {namespace}, too")
        return
    name = rule.name if cluster.get(DESTINATION_RULE, namespace, rule.name) is None else f"{rule.name}-{rule.namespace}"
    manifest: dict[str, Any] = {
        "apiVersion": rule.api_version,
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**copied(rule.spec), "host": full, "exportTo": ["."]},
    }
    yield create(manifest, f"Give namespace {namespace} a copy of it")


def _with_tls(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for rule in cluster.all(DESTINATION_RULE):
        if text_at(rule.raw, *_TOP, "mode") in _ORIGINATES:
            found.setdefault(host_of(rule), []).append(rule)
    return found


def _rules(cluster: Cluster, client: Client, port: ServicePort | EntryPort, full: str) -> tuple[Object, ...]:
    return rules_for(cluster, full, _holder(port).namespace, client.namespace, dict(client.labels))


def _settings(rule: Object, number: int) -> FieldPath | None:
    for index, settings in mappings_at(rule.raw, "spec", "trafficPolicy", "portLevelSettings"):
        if number_at(settings, "port", "number") == number:
            return ("spec", "trafficPolicy", "portLevelSettings", index)
    return None


def _holder(port: ServicePort | EntryPort) -> Object:
    return port.service.object if isinstance(port, ServicePort) else port.entry
