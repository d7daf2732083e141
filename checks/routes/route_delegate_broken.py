"""route-delegate-broken: a VirtualService delegates to another one, and Istio leaves the delegate's routes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import NO_ROUTE, closest
from grpcdoctor.checks.routes._virtual_services import is_delegated_to
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, text_at
from grpcdoctor.cluster.istio.hosts import visible_from
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute, VirtualService, delegates_of, virtual_services
from grpcdoctor.cluster.kinds import VIRTUAL_SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD649",
    name="route-delegate-broken",
    severity=Severity.ERROR,
    title="Istio leaves the routes of a delegate out",
)
READS = ROUTE_KINDS
_WORDS: Final = ("uri", "scheme", "method", "authority")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for virtual in virtual_services(cluster):
        for route, delegate in delegates_of(cluster, virtual):
            if virtual.is_delegate:
                if is_delegated_to(cluster, virtual):
                    yield _nested(virtual, route)
            elif delegate is None:
                yield from _missing(cluster, virtual, route)
            else:
                yield from _there(virtual, route, delegate)


def _missing(cluster: Cluster, virtual: VirtualService, route: VirtualRoute) -> Iterator[Conclusion]:
    namespace = text_at(route.raw, "delegate", "namespace") or virtual.object.namespace
    name = text_at(route.raw, "delegate", "name")
    known = cluster.has_all(VIRTUAL_SERVICE, namespace)
    names = [item.name for item in cluster.in_namespace(VIRTUAL_SERVICE, namespace)]
    near = closest(name, names) if known else slip_among(name, names)
    if near is None and not known:
        why = f"{virtual.object.title} delegates to it, and it was not shown"
        yield BlindSpot(f"VirtualService {namespace}/{name}", why, blocks_verdict=False)
        return
    path = (*route.path, "delegate", "name")
    fixes = [Edit(virtual.object).set(path, near).fix(f"Delegate to {namespace}/{near}")] if near else []
    fixes.append(Fix(f"Create VirtualService {namespace}/{name}, without hosts and gateways",
                     command=f"kubectl -n {namespace} get virtualservices"))  # fmt: skip
    message = f"{virtual.object.title} delegates to VirtualService {namespace}/{name}, which is not there"
    yield _finding(virtual.object, path, message, fixes, (), 1.0 if known else 0.8)


def _there(virtual: VirtualService, route: VirtualRoute, delegate: VirtualService) -> Iterator[Conclusion]:
    item, root = delegate.object, virtual.object
    for field in ("hosts", "gateways"):
        if items_at(item.raw, "spec", field) and (field == "hosts" or delegate.is_delegate):
            message = f"{root.title} delegates to {item.title}, which has {field} of its own and so is no delegate"
            fix = Edit(item).remove(("spec", "hosts")).remove(("spec", "gateways"))
            yield _finding(item, ("spec", field), message, [fix.fix("Remove its hosts and gateways")], (root,))
            return
    if not visible_from(item, root.namespace):
        message = f"{root.title} delegates to {item.title}, which is not exported to {root.namespace}"
        count = len(items_at(item.raw, "spec", "exportTo"))
        fix = Edit(item).set(("spec", "exportTo", count), root.namespace)
        yield _finding(item, ("spec", "exportTo"), message, [fix.fix(f"Export it to {root.namespace}")], (root,))
        return
    for own in delegate.http:
        for index, match in own.matches:
            if route.matches and all(_conflict(outer, match) for _, outer in route.matches):
                yield _narrower(virtual, route, own, index, match)
                break


def _narrower(
    virtual: VirtualService, route: VirtualRoute, own: VirtualRoute, index: int, match: dict[str, Any]
) -> Conclusion:
    """A match of the delegate that no match of the root contains: the whole route is dropped."""
    path = (*own.path, "match", index)
    edit = Edit(own.object)
    fix = edit.remove(path) if len(own.matches) > 1 else edit.remove((*own.path, "match"))
    message = f"{own.object.title} matches {_words(match)}, which {virtual.object.title} does not hand to it"
    return _finding(
        own.object,
        (*path, "uri") if match.get("uri") else path,
        message,
        [fix.fix("Remove this match: what the root's match lets in is enough"),
         Fix(f"Or widen the match of {virtual.object.title} http[{route.index}]")],
        (virtual.object,),
    )  # fmt: skip


def _nested(virtual: VirtualService, route: VirtualRoute) -> Conclusion:
    message = f"{virtual.object.title} is a delegate itself and delegates again, which Istio does not follow"
    words = Fix("Delegate from the VirtualService with the hosts to each of the others, with one route each")
    return _finding(virtual.object, (*route.path, "delegate"), message, [words], ())


def _finding(
    item: Object,
    path: FieldPath,
    message: str,
    fixes: list[Fix],
    related: tuple[Object, ...],
    confidence: float = 1.0,
) -> Conclusion:
    return about(
        RULE,
        item,
        path,
        message,
        symptom=f"Istio drops such routes and says so only in the log of istiod. {NO_ROUTE}",
        evidence=tuple(seen(other, ("spec", "http")) for other in related[:1]),
        fixes=tuple(fixes),
        related=related,
        confidence=confidence,
    )


def _conflict(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    """Whether `inner` is no part of `outer`, as istiod sees it (virtualservice.go hasConflict)."""
    if any(_differ(mapping_at(outer, word), mapping_at(inner, word)) for word in _WORDS):
        return True
    headers = mapping_at(inner, "headers")
    if any(_differ(mapping_at(outer, "headers", name), mapping_at(headers, name)) for name in headers):
        return True
    return (outer.get("ignoreUriCase") is True) is not (inner.get("ignoreUriCase") is True)


def _differ(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    if not outer or not inner:
        return False
    exact, prefix, regex = (text_at(outer, word) for word in ("exact", "prefix", "regex"))
    own_exact, own_prefix, own_regex = (text_at(inner, word) for word in ("exact", "prefix", "regex"))
    if regex or own_regex:
        return True
    if exact:
        return own_exact != exact
    return not (own_prefix or own_exact).startswith(prefix)


def _words(match: dict[str, Any]) -> str:
    uri = mapping_at(match, "uri")
    value = next((text_at(uri, word) for word in ("prefix", "exact", "regex") if text_at(uri, word)), "")
    return value or "something"
