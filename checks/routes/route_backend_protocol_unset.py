"""route-backend-protocol-unset: an ingress controller speaks HTTP/1.1 to a gRPC server, for nothing tells it better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import (
    Carried,
    carried,
    confidence,
    evidence_of,
    grpc_rules,
    rules_of,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath, at, dotted, items_at, mapping_at, string_map
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.azure import AGIC
from grpcdoctor.cluster.ingress.contour import annotated_protocol
from grpcdoctor.cluster.ingress.controller import Told
from grpcdoctor.cluster.kinds import CONFIG_MAP, CONTOUR_HTTP_PROXY, INGRESS, TRAEFIK_SERVERS_TRANSPORT
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD670",
    name="route-backend-protocol-unset",
    severity=Severity.ERROR,
    title="an ingress controller speaks HTTP/1.1 to a gRPC server",
)
READS = ROUTE_KINDS

_OF_NGINX: Final = (
    "It sends HTTP/1.1 and reads the server's HTTP/2 frames as the answer: most calls end with UNKNOWN (the HTTP "
    "status is 0), some with UNAVAILABLE (502)."
)
_OF_ENVOY: Final = (
    "Clients get UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error."
)
SYMPTOMS: Final = {
    "ingress-nginx": _OF_NGINX,
    "nginx-ingress": _OF_NGINX,
    "kong": _OF_NGINX,
    "traefik": "The server hangs up on the HTTP/1.1 request. Clients get UNAVAILABLE (502 Bad Gateway, text/plain).",
    "contour": _OF_ENVOY,
    "emissary": _OF_ENVOY,
    "istio-ingress": _OF_ENVOY,
    "haproxy": "The server hangs up on the HTTP/1.1 request. Clients get UNAVAILABLE (502).",
    "haproxy-ingress": "The server hangs up on the HTTP/1.1 request. Clients get UNAVAILABLE (502).",
    "alb": "An ALB answers gRPC for a target group of HTTP/1.1 with HTTP status 464: clients get UNKNOWN.",
    "gce": "The health check and every request fail. Clients get UNAVAILABLE (502).",
}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    groups: dict[tuple[int, str], tuple[Told, list[Carried]]] = {}
    for each in carried(cluster):
        if each.backend.upstream.spoken is Spoken.HTTP1 and not _is_anothers(each):
            told = _told(cluster, each)
            if told is not None:
                groups.setdefault((id(told.object), str(told.path)), (told, []))[1].append(each)
    for told, group in groups.values():
        yield _finding(cluster, told, group)


def _is_anothers(each: Carried) -> bool:
    """agic-cannot-carry-grpc, ingress-http2-disabled and ingress-upstream-annotation-ignored say it better."""
    decision = each.backend.upstream.decision
    ignored = (
        each.rule.platform == "contour"
        and isinstance(each.backend.port, ServicePort)
        and decision.path[-1:] == ("appProtocol",)
        and annotated_protocol(each.backend.port) in ("h2", "h2c")
    )
    by_config = each.rule.platform == "nginx-ingress" and decision.object is not None
    by_config = by_config and decision.object is not None and decision.object.kind is CONFIG_MAP
    return each.rule.platform == AGIC.platform or by_config or ignored


def _told(cluster: Cluster, each: Carried) -> Told | None:
    decision = each.backend.upstream.decision
    if decision.object is not None and decision.object.kind is TRAEFIK_SERVERS_TRANSPORT:
        return Told(decision.object, decision.path, False, "Let this ServersTransport use HTTP/2 again")
    return each.controller.told(cluster, each.place, _serves_tls(each))


def _serves_tls(each: Carried) -> bool:
    return each.intent.serves_tls or each.backend.upstream.tls.is_on


def _finding(cluster: Cluster, told: Told, group: list[Carried]) -> Conclusion:
    first = group[0]
    decision = first.backend.upstream.decision
    holder, path = (decision.object, decision.path) if decision.object is not None else (told.object, told.path)
    titles = list(dict.fromkeys(each.backend.title for each in group))
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    why = "nothing says that it is gRPC"
    if decision.object is not None:
        why = f'{str(decision.path[-1]).rpartition("/")[2]} is "{decision.value}"'
    typo = _typo(first)
    evidence = (seen(first.item, typo, "it says schema, a field that there is not, for scheme"),) if typo else ()
    return about(
        RULE,
        holder,
        path,
        f"{first.controller.title} speaks HTTP/1.1 to Service {titles[0]}{more} of {first.item.title}: {why}",
        symptom=SYMPTOMS[first.rule.platform],
        evidence=(*evidence, *evidence_of(group, 3)),
        fixes=tuple(_fixes(cluster, told, group)),
        related=(*services_in(group), *(each.item for each in group)),
        confidence=confidence(cluster, first.item),
    )


def _typo(each: Carried) -> tuple[str | int, ...] | None:
    path = (*each.backend.path, "schema")
    return path if each.rule.platform == "traefik" and at(each.item.raw, *path) is not None else None


def _fixes(cluster: Cluster, told: Told, group: list[Carried]) -> Iterator[Fix]:
    others = _others(cluster, told) if told.for_all and told.object is group[0].item else []
    if others:
        yield from _split(told, group)
        return
    edit = Edit(told.object)
    for each in group:
        typo = _typo(each)
        if typo is not None and each.item is told.object:
            edit.remove(typo)
    yield edit.set(told.path, told.value).fix(told.summary)
    port = group[0].backend.port
    if told.object.kind is CONTOUR_HTTP_PROXY and isinstance(port, ServicePort) and not _serves_tls(group[0]):
        other = Edit(port.service.object).set((*port.path, "appProtocol"), "kubernetes.io/h2c")
        yield other.fix("Or declare HTTP/2 on the Service, for every route to it")


def _others(cluster: Cluster, told: Told) -> list[RouteRule]:
    """The rules of the same object that lead elsewhere: what the fix says would hold for them, too."""
    grpc = grpc_rules(cluster)
    return [rule for rule in rules_of(cluster, told.object) if rule.backends and id(rule) not in grpc]


def _split(told: Told, group: list[Carried]) -> Iterator[Fix]:
    """A second Ingress for the gRPC paths, because the annotation holds for every path of one."""
    item = told.object
    if item.kind is not INGRESS or any(each.rule.path[:2] != ("spec", "rules") for each in group):
        yield Edit(item).set(told.path, told.value).fix(told.summary)
        return
    metadata: dict[str, Any] = {"name": f"{item.name}-grpc", "namespace": item.namespace}
    metadata["annotations"] = {**string_map(item.raw, "metadata", "annotations"), str(told.path[-1]): told.value}
    metadata["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
    rules = [_rule_of(item, each) for each in group]
    kept: dict[str, Any] = {key: item.spec[key] for key in ("ingressClassName", "tls") if key in item.spec}
    manifest: dict[str, Any] = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
                "spec": {**kept, "rules": rules}}  # fmt: skip
    new = create(manifest, "")
    edit = Edit(item)
    removed = _removed(item, group)
    for path in removed:
        edit.remove(path)
    old = edit.fix("")
    summary = (
        f"Give the gRPC paths an Ingress of their own, {item.name}-grpc, with {told.path[-1]}: {told.value}, and take "
        f"them out of {item.name}: the annotation holds for all paths of an Ingress"
    )
    note = f"# and remove from {item.title}: {', '.join(dotted(path) for path in removed)}"
    yield replace(new, summary=summary, patch=f"{new.patch}{note}", changes=(*old.changes, *new.changes))


def _rule_of(item: Object, each: Carried) -> dict[str, Any]:
    host: dict[str, Any] = {"host": each.rule.hosts[0]} if each.rule.hosts else {}
    return {**host, "http": {"paths": [mapping_at(item.raw, *each.rule.path)]}}


def _removed(item: Object, group: list[Carried]) -> list[FieldPath]:
    """The gRPC paths, the last first; a rule of which none is left goes as a whole."""
    ours = {each.rule.path for each in group}
    whole = {path[:3] for path in ours if len(items_at(item.raw, *path[:-1])) == sum(p[:-1] == path[:-1] for p in ours)}
    found = whole | {path for path in ours if path[:3] not in whole}
    return sorted(found, key=lambda path: tuple(-step for step in path if isinstance(step, int)))
