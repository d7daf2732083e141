"""xds-resource-rejected: istiod sends something that the xDS libraries of gRPC refuse as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import Use, XdsTarget, full_name, policy_for, routes_for, targets, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.destination_rules import Located
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Mesh
from grpcdoctor.model.finding import Conclusion, Finding
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD808",
    name="xds-resource-rejected",
    severity=Severity.ERROR,
    title="istiod sends something that gRPC's xDS clients refuse",
)
READS = ROUTE_KINDS

_LARGEST_RING: Final = 8 * 1024 * 1024
# What Python's and Perl's engines know and RE2, with which clients compile, does not.
_NOT_RE2: Final = re.compile(r"\(\?(?:[=!>]|<[=!])|(?<!\\)\\[1-9]")
_ZERO: Final = re.compile(r"0+(?:\.0+)?(?:ms|s|m|h)")
_CORE: Final = re.compile(r"(?:^|[/\s=_-])(?:python[\d.]*|ruby[\d.]*|php[\d.]*|gunicorn|uvicorn)(?:$|[\s:_./-])")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[tuple[int, FieldPath]] = set()
    for finding, key in (*_of_policies(cluster), *_of_routes(cluster)):
        if key not in told:
            told.add(key)
            yield finding


def _of_policies(cluster: Cluster) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    for use in uses(cluster):
        policy = policy_for(cluster, use)
        simple = policy.find("loadBalancer", "simple")
        hashing = policy.find("loadBalancer", "consistentHash")
        if hashing is not None:
            yield from _of_hashing(use, hashing)
        elif simple is not None and simple.text == "LEAST_REQUEST" and _is_core(use.target.container):
            yield _cluster(use, simple, "LEAST_REQUEST", "ROUND_ROBIN", 0.7), (id(simple.object), simple.path)


def _of_hashing(use: Use, hashing: Located) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    if isinstance(at(hashing.value, "maglev"), dict):
        found = Located(hashing.value["maglev"], hashing.object, (*hashing.path, "maglev"))
        yield _cluster(use, found, "maglev", None, 1.0), (id(found.object), found.path)
    for path in (("minimumRingSize",), ("ringHash", "minimumRingSize")):
        size = number_at(hashing.value, *path)
        if size is not None and size > _LARGEST_RING:
            found = Located(size, hashing.object, (*hashing.path, *path))
            yield _cluster(use, found, f"minimumRingSize {size}", _LARGEST_RING, 1.0), (id(found.object), found.path)


def _cluster(use: Use, found: Located, what: str, better: Any, confidence: float) -> Finding:
    client = use.target.workload
    edit = Edit(found.object)
    if better is None:
        edit.remove(found.path).set((*found.path[:-1], "ringHash"), {})
        fix = edit.fix("Use ringHash, the one consistent hash that gRPC has")
    else:
        fix = edit.set(found.path, better).fix(f"Use {better}, which every client knows")
    return about(
        RULE,
        found.object,
        found.path,
        f"{found.object.title} sets {what}, and the proxyless client {client.title} refuses such a cluster",
        symptom="The client refuses the whole cluster (NACK), and has none where it just started. All calls fail: "
        "UNAVAILABLE: "
        "errors validating Cluster resource: [field:lb_policy error:LB policy is not supported].",
        evidence=(seen(client.object, use.target.path, f"{client.title} dials {use.target.written}"),),
        fixes=(fix,),
        related=(client.object, use.object),
        confidence=confidence,
    )


def _is_core(container: Container) -> bool:
    """Its words say Python, Ruby or PHP, whose gRPC is C-core, which has no least_request."""
    words = (container.image.rpartition("/")[2], *container.words[:3])
    return any(_CORE.search(word.lower()) for word in words)


def _of_routes(cluster: Cluster) -> Iterator[tuple[Finding, tuple[int, FieldPath]]]:
    for target in targets(cluster):
        if target.workload.mesh is not Mesh.PROXYLESS:
            continue
        for route in routes_for(cluster, full_name(cluster, target), target.workload):
            for path, pattern in _patterns(route):
                if _NOT_RE2.search(pattern):
                    yield _route(target, route, path, f"the regular expression {pattern}"), (id(route.object), path)
            backoff = text_at(route.raw, "retries", "backoff")
            if _ZERO.fullmatch(backoff) and number_at(route.raw, "retries", "attempts"):
                path = (*route.path, "retries", "backoff")
                yield _route(target, route, path, f"a backoff of {backoff}"), (id(route.object), path)


def _patterns(route: VirtualRoute) -> Iterator[tuple[FieldPath, str]]:
    for index, match in mappings_at(route.raw, "match"):
        base = (*route.path, "match", index)
        for word in ("uri", "method", "authority", "scheme"):
            if text_at(match, word, "regex"):
                yield (*base, word, "regex"), text_at(match, word, "regex")
        for field in ("headers", "withoutHeaders"):
            for name in mapping_at(match, field):
                if text_at(match, field, name, "regex"):
                    yield (*base, field, name, "regex"), text_at(match, field, name, "regex")


def _route(target: XdsTarget, route: VirtualRoute, path: FieldPath, what: str) -> Finding:
    client = target.workload
    if path[-1] == "backoff":
        fix = Edit(route.object).set(path, "25ms").fix("Use 25ms, gRPC's own default")
    else:
        edit = Edit(route.object).remove(path).set((*path[:-1], "prefix"), "/")
        fix = edit.fix("Match by prefix, or with RE2's syntax")
    return about(
        RULE,
        route.object,
        path,
        f"{route.object.title} http[{route.index}] has {what}, which the proxyless client {client.title} refuses",
        symptom="The client refuses the whole route configuration (NACK), and keeps the old one or has none. Calls "
        "fail: "
        "UNAVAILABLE: RDS resource: errors validating RouteConfiguration resource.",
        evidence=(seen(client.object, target.path, f"{client.title} dials {target.written}"),),
        fixes=(fix,),
        related=(client.object,),
    )
