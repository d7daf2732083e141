"""What the rules about ingress controllers share: the routes of theirs that carry gRPC, and their annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.ingress.controller import ANNOTATIONS, Controller, Place
from grpcdoctor.cluster.ingress.nginx import PREFIX
from grpcdoctor.cluster.ingress.routes import controller_for, ingress_rules, place_for
from grpcdoctor.cluster.ingress.table import class_of
from grpcdoctor.cluster.intent import Intent, intent_of
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence

NGINX_PLATFORM: Final = "ingress-nginx"
LIKELY_CLASS: Final = 0.9
"""The controller was told by its class's name or annotations, for the IngressClass was not shown."""


@dataclass(frozen=True, eq=False)
class Carried:
    """A backend of an ingress controller's route to which gRPC goes."""

    rule: RouteRule
    backend: Backend
    evidence: tuple[Evidence, ...]
    """Why it is gRPC."""
    intent: Intent

    @property
    def item(self) -> Object:
        return self.rule.object

    @property
    def controller(self) -> Controller:
        return controller_for(self.rule)

    @property
    def place(self) -> Place:
        return place_for(self.rule, self.backend)

    @property
    def title(self) -> str:
        return f"Service {self.backend.host} port {self.backend.port_number}"

    @property
    def related(self) -> tuple[Object, ...]:
        return (self.backend.service.object,) if self.backend.service is not None else ()


def carried(cluster: Cluster, *platforms: str) -> tuple[Carried, ...]:
    """Those of these platforms, or of all."""
    found = cluster.once(_carried)
    return tuple(c for c in found if c.rule.platform in platforms) if platforms else found


def by_object(cluster: Cluster, *platforms: str) -> Iterator[tuple[Object, list[Carried]]]:
    """Each Ingress, HTTPProxy, … that carries gRPC, with what it carries."""
    grouped: dict[int, list[Carried]] = {}
    for each in carried(cluster, *platforms):
        grouped.setdefault(id(each.item), []).append(each)
    for group in grouped.values():
        yield group[0].item, group


def nginx(cluster: Cluster) -> Iterator[tuple[Object, list[Carried]]]:
    """The Ingresses that ingress-nginx serves and that carry gRPC."""
    return by_object(cluster, NGINX_PLATFORM)


def grpc_by_nginx(cluster: Cluster) -> Iterator[tuple[Object, list[Carried]]]:
    """Those that it also speaks gRPC to: what goes wrong before that is another rule's."""
    for item, group in nginx(cluster):
        spoken = [each for each in group if each.backend.upstream.spoken.value == "h2"]
        if spoken:
            yield item, spoken


def nginx_key(key: str) -> str:
    return PREFIX + key


def annotation_path(name: str) -> FieldPath:
    return (*ANNOTATIONS, name)


def confidence(cluster: Cluster, item: Object, sure: float = 1.0) -> float:
    """`sure`, or less where which controller serves it was only guessed."""
    known = item.kind is not INGRESS or class_of(cluster, item).object is not None
    return round(sure if known else sure * LIKELY_CLASS, 2)


def services_in(group: list[Carried]) -> tuple[Object, ...]:
    return tuple(dict.fromkeys(item for each in group for item in each.related))


def evidence_of(group: list[Carried], most: int = 2) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(e for each in group for e in each.evidence))[:most]


def rules_of(cluster: Cluster, item: Object) -> list[RouteRule]:
    """All rules of one Ingress, HTTPProxy, …."""
    return cluster.once(_rules_by_object).get(id(item), [])


def grpc_rules(cluster: Cluster) -> frozenset[int]:
    """ids of the rules that carry gRPC."""
    return cluster.once(_grpc_rules)


def _rules_by_object(cluster: Cluster) -> dict[int, list[RouteRule]]:
    found: dict[int, list[RouteRule]] = {}
    for rule in ingress_rules(cluster):
        found.setdefault(id(rule.object), []).append(rule)
    return found


def _grpc_rules(cluster: Cluster) -> frozenset[int]:
    return frozenset(id(each.rule) for each in carried(cluster))


def _carried(cluster: Cluster) -> tuple[Carried, ...]:
    return tuple(each for rule in ingress_rules(cluster) for each in _of_rule(cluster, rule))


def _of_rule(cluster: Cluster, rule: RouteRule) -> Iterator[Carried]:
    if not rule.is_http:
        return
    match = next((m for m in rule.matches if m.looks_like_grpc), None)
    for backend in rule.backends:
        intent = intent_of(cluster, backend.port) if isinstance(backend.port, ServicePort) else Intent()
        evidence: list[Evidence] = []
        if match is not None:
            evidence.append(seen(rule.object, match.path))
        if backend.takes_h2_only:
            decision = backend.upstream.decision
            evidence.append(seen(decision.object or rule.object, decision.path, decision.reason))
        if intent.is_grpc:
            evidence += [seen(hint.object, hint.path, hint.text) for hint in intent.grpc[:2]]
        if evidence and not intent.is_http1:
            yield Carried(rule, backend, tuple(dict.fromkeys(evidence)), intent)
