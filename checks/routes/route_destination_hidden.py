"""route-destination-hidden: `exportTo` hides a route's destination from the proxies that use the route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import ISTIO, backend_proof, full_name, no_backend, target_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import at, text_at, texts_at
from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of, selector_of
from grpcdoctor.cluster.istio.hosts import (
    entries_for,
    export_path,
    exported_to,
    find_host,
    full_host,
    visible_from,
)  # fmt: skip
from grpcdoctor.cluster.istio.virtual_services import MESH
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD698",
    name="route-destination-hidden",
    severity=Severity.ERROR,
    title="exportTo hides a route's destination from the proxies that use the route",
)
READS = ROUTE_KINDS


@dataclass
class _Hidden:
    """A destination, and the namespaces of proxies that lack it."""

    item: Object
    rule: RouteRule
    """The first route that leads to it."""
    backend: Backend
    namespaces: dict[str, Object | None] = field(default_factory=dict)
    """With the Gateway whose pods run there; None for sidecars."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found: dict[int, _Hidden] = {}
    for rule in routes(cluster):
        if rule.platform != ISTIO or not rule.is_http:
            continue
        for backend in rule.backends:
            item = _restricted(cluster, rule, backend)
            if item is None:
                continue
            for namespace, gateway in _proxies(cluster, rule):
                if not _sees(cluster, item, full_name(rule, backend), namespace):
                    hidden = found.setdefault(id(item), _Hidden(item, rule, backend))
                    hidden.namespaces.setdefault(namespace, gateway)
    for hidden in found.values():
        yield _finding(cluster, hidden)


def _restricted(cluster: Cluster, rule: RouteRule, backend: Backend) -> Object | None:
    """What the backend leads to, where it is for gRPC and says itself who may see it."""
    target = target_of(cluster, rule, backend)
    if target is None or backend.port is None:
        return None
    item = target.object if isinstance(target, Service) else target
    is_alias = text_at(item.raw, "spec", "type") == "ExternalName"  # the route leads to the host that it names
    if not exported_to(item) or "*" in exported_to(item) or is_alias:
        return None
    if item.kind == SERVICE_ENTRY and full_name(rule, backend) not in _hosts(item):
        return None
    return item if backend_proof(cluster, backend) else None


def _proxies(cluster: Cluster, rule: RouteRule) -> Iterator[tuple[str, Object | None]]:
    """The namespaces of the proxies that use this route: those of its Gateways' pods; for sidecars only its own."""
    own = rule.object.namespace
    is_delegate = not texts_at(rule.object.raw, "spec", "hosts")  # whoever delegates to it decides who uses it
    for entrance in rule.entrances:
        gateway = entrance.object
        if selector_of(gateway) and _is_for(rule, f"{gateway.namespace}/{gateway.name}"):
            for namespace in namespaces_of(cluster, gateway):
                if is_delegate or visible_from(rule.object, namespace):
                    yield namespace, gateway
    if rule.in_mesh and not is_delegate and _is_for(rule, MESH) and _sidecars_use(cluster, rule):
        yield own, None


def _sidecars_use(cluster: Cluster, rule: RouteRule) -> bool:
    """Those of its own namespace: without a listener for one of its hosts they pass it by, and calls go on."""
    own = rule.object.namespace
    if not visible_from(rule.object, own):
        return False
    return any(_is_served(cluster, full_host(host, own), own) for host in rule.hosts)


def _is_for(rule: RouteRule, name: str) -> bool:
    """Whether a match lets this gateway, or `mesh`, use the route; a route without matches is for all."""
    written = [at(rule.object.raw, *match.path[:5]) for match in rule.matches]
    return not written or any(_takes(rule, match, name) for match in written)


def _takes(rule: RouteRule, match: object, name: str) -> bool:
    own = rule.object.namespace
    if name == MESH and text_at(match, "sourceNamespace") not in ("", own):
        return False
    words = texts_at(match, "gateways")
    return not words or name in {word if word == MESH or "/" in word else f"{own}/{word}" for word in words}


def _is_served(cluster: Cluster, host: str, namespace: str) -> bool:
    target = find_host(cluster, host)
    item = target.object if isinstance(target, Service) else target
    return item is not None and visible_from(item, namespace)


def _sees(cluster: Cluster, item: Object, host: str, namespace: str) -> bool:
    """Whether these proxies see the destination, be it by another ServiceEntry for the host."""
    return visible_from(item, namespace) or any(visible_from(entry, namespace) for entry in entries_for(cluster, host))


def _hosts(entry: Object) -> tuple[str, ...]:
    return tuple(host.lower() for host in texts_at(entry.raw, "spec", "hosts"))


def _finding(cluster: Cluster, hidden: _Hidden) -> Conclusion:
    item, rule = hidden.item, hidden.rule
    namespace, gateway = next(iter(hidden.namespaces.items()))
    pods = pods_of(cluster, gateway) if gateway is not None else ()
    if gateway is not None:
        who = f"where the pods of {gateway.title} run: {rule.object.title} has them send calls to it"
    else:
        who = f"where {rule.object.title} has sidecars send calls to it"
    evidence: list[Evidence] = [seen(pods[0].object, ("metadata", "namespace"))] if pods else []
    return about(
        RULE,
        item,
        export_path(item),
        f"{item.title} is not exported to {namespace}, {who}",
        symptom=f"Istio tells a proxy only of the hosts that its namespace may see. {no_backend(ISTIO)}",
        evidence=(*evidence, seen(rule.object, hidden.backend.path), *backend_proof(cluster, hidden.backend)),
        fixes=tuple(_fixes(item, tuple(hidden.namespaces))),
        related=(rule.object, *((gateway,) if gateway is not None else ())),
        confidence=1.0 if pods else 0.8,
    )


def _fixes(item: Object, namespaces: tuple[str, ...]) -> Iterator[Fix]:
    kept = [word for word in exported_to(item) if word not in ("~", "")] or ["."]
    more = [name for name in namespaces if not (name == item.namespace and "." in kept)]
    words = list(dict.fromkeys((*kept, *more)))
    value = ",".join(words) if item.kind == SERVICE else words
    yield Edit(item).set(export_path(item), value).fix(f"Export it to {', '.join(namespaces)}, too")
    everyone = "*" if item.kind == SERVICE else ["*"]
    yield Edit(item).set(export_path(item), everyone).fix("Export it to every namespace")
