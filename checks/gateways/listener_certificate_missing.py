"""listener-certificate-missing: an HTTPS listener for gRPC has no certificate, or none that it may use."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._findings import about
from grpcdoctor.checks._gateway_api import grpc_routes, nearest
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import ALB, GKE, OTHER, implementation_of
from grpcdoctor.cluster.gateway_api.grants import grant_manifest, is_granted
from grpcdoctor.cluster.gateway_api.listeners import Listener
from grpcdoctor.cluster.gateway_api.parents import attachments
from grpcdoctor.cluster.kinds import GATEWAY, REFERENCE_GRANT, SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD613",
    name="listener-certificate-missing",
    severity=Severity.ERROR,
    title="an HTTPS listener for gRPC has no certificate that it can use",
)
READS = (*ROUTE_KINDS, SECRET, REFERENCE_GRANT)
_SYMPTOM = (
    "The listener gets ResolvedRefs=False and does not serve TLS. Clients get UNAVAILABLE: the connection is refused "
    "or closed in the handshake."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    served: dict[tuple[int, int], tuple[Listener, list[Object]]] = {}
    for route in grpc_routes(cluster):
        for attachment in attachments(cluster, route):
            for taken in attachment.taken:
                key = (id(attachment.gateway), taken.listener.index)
                served.setdefault(key, (taken.listener, []))[1].append(route)
    for listener, routes in served.values():
        if listener.terminates_tls:
            yield from _judge(cluster, listener, routes)


def _judge(cluster: Cluster, listener: Listener, routes: list[Object]) -> Iterator[Conclusion]:
    gateway = listener.gateway
    refs = list(mappings_at(listener.raw, "tls", "certificateRefs"))
    finds_elsewhere = implementation_of(cluster, gateway) in (ALB, GKE, OTHER)
    if not refs and not mapping_at(listener.raw, "tls", "options") and not finds_elsewhere:
        yield _none(listener, routes)
    for index, raw in refs:
        if text_at(raw, "kind") not in ("", "Secret") or text_at(raw, "group") not in ("", "core"):
            continue
        path = (*listener.path, "tls", "certificateRefs", index)
        namespace, name = text_at(raw, "namespace") or gateway.namespace, text_at(raw, "name")
        if not is_granted(cluster, GATEWAY, gateway.namespace, SECRET, namespace, name):
            if cluster.has_all(REFERENCE_GRANT, namespace) or cluster.in_namespace(REFERENCE_GRANT, namespace):
                yield _not_granted(cluster, listener, path, namespace, name, routes)
        elif name and cluster.get(SECRET, namespace, name) is None:
            yield from _absent(cluster, listener, path, namespace, name, routes)


def _none(listener: Listener, routes: list[Object]) -> Conclusion:
    gateway = listener.gateway
    path = (*listener.path, "tls", "certificateRefs")
    name = f"{gateway.name}-tls"
    edit = Edit(gateway).set(path, [{"name": name}])
    return about(
        RULE,
        gateway,
        path,
        f"{listener.title} ends TLS and names no certificate",
        symptom=_SYMPTOM,
        fixes=(edit.fix(f"Name a Secret with the certificate (here {name}, of type kubernetes.io/tls)"),),
        related=tuple(routes),
    )


def _not_granted(
    cluster: Cluster, listener: Listener, path: FieldPath, namespace: str, name: str, routes: list[Object]
) -> Conclusion:
    gateway = listener.gateway
    manifest = grant_manifest(GATEWAY, gateway.namespace, SECRET, namespace, name)
    return about(
        RULE,
        gateway,
        (*path, "namespace"),
        f"{listener.title} uses Secret {namespace}/{name}, and no ReferenceGrant in {namespace} allows it",
        symptom=_SYMPTOM,
        fixes=(create(manifest, f"Allow it with a ReferenceGrant in {namespace}"),),
        related=tuple(routes),
        confidence=1.0 if cluster.has_all(REFERENCE_GRANT, namespace) else 0.7,
    )


def _absent(
    cluster: Cluster, listener: Listener, path: FieldPath, namespace: str, name: str, routes: list[Object]
) -> Iterator[Conclusion]:
    sure = cluster.knows(SECRET, namespace, name)
    meant = nearest(name, (item.name for item in cluster.in_namespace(SECRET, namespace)), sure)
    if not sure and meant is None:
        return
    where = f"-n {quote(namespace)}"
    fix = Fix(
        f"Create the Secret {namespace}/{name}",
        command=f"kubectl {where} create secret tls {quote(name)} --cert=tls.crt --key=tls.key",
    )
    if meant is not None:
        fix = Edit(listener.gateway).set((*path, "name"), meant).fix(f"Use the Secret {meant}, which is there")
    yield about(
        RULE,
        listener.gateway,
        (*path, "name"),
        f"{listener.title} uses Secret {namespace}/{name}, which does not exist",
        symptom=_SYMPTOM,
        fixes=(fix,),
        related=tuple(routes),
        confidence=1.0 if sure else 0.75,
    )
