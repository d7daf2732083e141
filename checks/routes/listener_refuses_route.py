"""listener-refuses-route: no listener of a Gateway takes a route, by its kind, namespace, hostname or section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import NOT_ROUTED, grpc_routes, together
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, string_map
from grpcdoctor.cluster.gateway_api.listeners import Listener, listeners_of
from grpcdoctor.cluster.gateway_api.parents import Attachment, Refusal, attachments, hostnames_of
from grpcdoctor.cluster.kinds import NAMESPACE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD664",
    name="listener-refuses-route",
    severity=Severity.ERROR,
    title="no listener of the Gateway takes a route for gRPC",
)
READS = ROUTE_KINDS

# The reason that is easiest to mend is the one to report: a listener that refuses for its hostname took all the rest.
_ORDER: Final = (Refusal.HOSTNAME, Refusal.NAMESPACE, Refusal.KIND)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in grpc_routes(cluster):
        found = attachments(cluster, route)
        served = any(attachment.taken for attachment in found)
        for attachment in found:
            if attachment.taken or not listeners_of(attachment.gateway):
                continue
            if attachment.refused and all(listener.passes_tls for listener, _ in attachment.refused):
                continue  # listener-not-tls-terminating
            yield _finding(cluster, attachment, served)


def _finding(cluster: Cluster, attachment: Attachment, served: bool) -> Conclusion:
    parent, gateway = attachment.parent, attachment.gateway
    best = min(attachment.refused, key=lambda item: _ORDER.index(item[1]), default=None)
    if best is None:
        why, path, evidence = _no_listener(attachment)
        fixes = (_to_a_listener_that_takes_it(cluster, attachment),)
    else:
        why, path, evidence = _refusal(parent.route, *best)
        fixes = (_FIXES[best[1]](cluster, attachment, best[0]),)
    return about(
        RULE,
        parent.route,
        path or parent.path,
        f"{gateway.title} does not take {parent.route.title}: {why}",
        symptom=f"The route gets Accepted=False and is in no proxy's configuration. {NOT_ROUTED}",
        evidence=evidence,
        fixes=fixes,
        related=(gateway,),
        severity=Severity.WARNING if served else None,
    )


def _no_listener(attachment: Attachment) -> tuple[str, FieldPath, tuple[Evidence, ...]]:
    parent = attachment.parent
    names = ", ".join(listener.name for listener in listeners_of(attachment.gateway))
    conditions = (("name", parent.section), ("port", parent.port))
    wanted = " and ".join(f"{word} {value}" for word, value in conditions if value)
    path = (*parent.path, "sectionName" if parent.section else "port")
    return f"it has no listener with {wanted} (only {names})", path, (seen(attachment.gateway, ("spec", "listeners")),)


def _refusal(route: Object, listener: Listener, reason: str) -> tuple[str, FieldPath, tuple[Evidence, ...]]:
    gateway, path = listener.gateway, listener.path
    if reason == Refusal.HOSTNAME:
        why = f"no hostname of it is one of listener {listener.name}'s, {listener.hostname}"
        return why, ("spec", "hostnames"), (seen(gateway, (*path, "hostname")),)
    if reason == Refusal.NAMESPACE:
        word = {"Same": "its own namespace", "Selector": "namespaces with certain labels"}.get(listener.namespaces_from)
        why = f"listener {listener.name} takes routes of {word or 'no namespace'} only"
        return why, (), (seen(gateway, (*path, "allowedRoutes")),)
    kinds = ", ".join(listener.kinds or ()) or "routes of other kinds"
    why = f"listener {listener.name} takes {kinds} only"
    return why, ("kind",), (seen(gateway, (*path, "allowedRoutes" if listener.lists_kinds else "protocol")),)


def _to_a_listener_that_takes_it(cluster: Cluster, attachment: Attachment) -> Fix:
    """Another section of the same Gateway, or words where there is none."""
    parent = attachment.parent
    hosts = hostnames_of(parent.route)
    taking = [
        listener
        for listener in listeners_of(attachment.gateway)
        if listener.takes_kind(parent.route.kind)
        and listener.takes_namespace(cluster, parent.route.namespace) is not False
        and listener.hosts_for(hosts) is not None
    ]
    if not taking:
        return Fix(
            f"Add a listener for {parent.route.title} to {attachment.gateway.title}, or attach the route elsewhere",
            command=f"kubectl -n {attachment.gateway.namespace} get gateway {attachment.gateway.name} -o yaml",
        )
    best = max(taking, key=lambda listener: listener.terminates_tls)
    edit = Edit(parent.route).remove((*parent.path, "port")).set((*parent.path, "sectionName"), best.name)
    return edit.fix(f"Attach it to listener {best.name}, which takes it")


def _for_the_hostname(_cluster: Cluster, attachment: Attachment, listener: Listener) -> Fix:
    parent, gateway = attachment.parent, listener.gateway
    host = next(iter(hostnames_of(parent.route)), "")
    name = f"{listener.name}-{parent.route.name}"[:63]
    count = sum(1 for _ in mappings_at(gateway.raw, "spec", "listeners"))
    added = {**listener.raw, "name": name, "hostname": host}
    edit = Edit(gateway).set(("spec", "listeners", count), added)
    summary = f"Add a listener for {host} (its certificate must be for that name)"
    if not parent.section:
        return edit.fix(summary)
    follow = Edit(parent.route).set((*parent.path, "sectionName"), name)
    return together(summary, edit.fix(summary), follow.fix(summary))


def _for_the_namespace(cluster: Cluster, attachment: Attachment, listener: Listener) -> Fix:
    namespace, gateway = attachment.parent.route.namespace, listener.gateway
    place = (*listener.path, "allowedRoutes", "namespaces")
    selector = mapping_at(listener.raw, "allowedRoutes", "namespaces", "selector")
    space = cluster.get(NAMESPACE, "", namespace)
    if listener.namespaces_from == "Selector":
        if space is None or mapping_at(selector, "matchExpressions") or "matchExpressions" in selector:
            return Edit(gateway).set(place, {"from": "All"}).fix("Let routes of every namespace attach")
        edit = Edit(space)
        for key, value in string_map(selector, "matchLabels").items():
            edit = edit.set(("metadata", "labels", key), value)
        return edit.fix(f"Give the Namespace {namespace} the labels that the listener asks for")
    names = list(dict.fromkeys((gateway.namespace, namespace)))
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}
    allowed = {"from": "Selector", "selector": {"matchExpressions": [expression]}}
    return Edit(gateway).set(place, allowed).fix(f"Let routes of the namespace {namespace} attach, too")


def _for_the_kind(cluster: Cluster, attachment: Attachment, listener: Listener) -> Fix:
    route = attachment.parent.route
    if not listener.lists_kinds or not listener.is_http:
        return _to_a_listener_that_takes_it(cluster, attachment)
    count = sum(1 for _ in mappings_at(listener.raw, "allowedRoutes", "kinds"))
    place = (*listener.path, "allowedRoutes", "kinds", count)
    value = {"group": route.kind.group, "kind": route.kind.name}
    return Edit(listener.gateway).set(place, value).fix(f"Let the listener take {route.kind.name}s, too")


_FIXES: Final = {
    Refusal.HOSTNAME: _for_the_hostname,
    Refusal.NAMESPACE: _for_the_namespace,
    Refusal.KIND: _for_the_kind,
}
