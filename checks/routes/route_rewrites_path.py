"""route-rewrites-path: the path of a gRPC call is rewritten, and the path is the method's name.

Ingress controllers with annotations and objects of their own have ingress-rewrites-path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._common import grpc_proof, rules_once
from grpcdoctor.checks.routes._services_known import service_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, flag_at, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD638",
    name="route-rewrites-path",
    severity=Severity.ERROR,
    title="a route rewrites the path of gRPC calls",
)
READS = ROUTE_KINDS

_ANNOTATIONS: Final = (
    "haproxy-ingress.github.io/rewrite-target",
    "ingress.kubernetes.io/rewrite-target",
    "traefik.ingress.kubernetes.io/rewrite-target",
)
_STRIP: Final = "konghq.com/strip-path"


@dataclass(frozen=True)
class _Rewrite:
    path: FieldPath
    """The field to remove."""
    value: str
    """What comes instead of the part that matched."""
    whole: bool = False
    """The whole path is replaced, not the part that matched."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, FieldPath]] = set()
    for rule in rules_once(cluster):
        rewrite = _rewrite(rule) if rule.is_http else None
        if rewrite is None or (id(rule.object), rewrite.path) in done or not _harms(rule, rewrite):
            continue
        proof = grpc_proof(cluster, rule)
        if not proof:
            continue
        done.add((id(rule.object), rewrite.path))
        yield about(
            RULE,
            rule.object,
            rewrite.path,
            f'{rule.object.title} rewrites the path of gRPC calls to "{rewrite.value}"',
            symptom="The path of a gRPC call names its service and method. With another path the server finds neither "
            "and answers UNIMPLEMENTED (12): unknown service, or Method not found!",
            evidence=(seen(rule.object, rewrite.path), *proof),
            fixes=(_fix(rule, rewrite),),
            related=tuple(backend.service.object for backend in rule.backends if backend.service is not None),
        )


def _rewrite(rule: RouteRule) -> _Rewrite | None:
    """What this rule makes of a path, wherever its platform writes it."""
    raw = mapping_at(rule.object.raw, *rule.path)
    for name in ("uri", "uriRegexRewrite"):
        if at(raw, "rewrite", name) is not None:
            value = text_at(raw, "rewrite", name) or text_at(raw, "rewrite", name, "rewrite")
            return _Rewrite((*rule.path, "rewrite", name), value, name == "uriRegexRewrite")
    for index, item in mappings_at(raw, "filters"):
        path = (*rule.path, "filters", index)
        for kind in ("replaceFullPath", "replacePrefixMatch"):
            if text_at(item, "urlRewrite", "path", kind):
                whole = kind == "replaceFullPath"
                return _Rewrite((*path, "urlRewrite", "path"), text_at(item, "urlRewrite", "path", kind), whole)
    return _by_annotation(rule)


def _by_annotation(rule: RouteRule) -> _Rewrite | None:
    for name in _ANNOTATIONS:
        value = rule.object.annotations.get(name)
        if value:
            return _Rewrite(("metadata", "annotations", name), value, whole=True)
    if flag_at(rule.object.annotations, _STRIP) and rule.object.kind.name == "Ingress":
        return _Rewrite(("metadata", "annotations", _STRIP), "/")
    return None


def _harms(rule: RouteRule, rewrite: _Rewrite) -> bool:
    """Some call arrives with a path that is not its own. A prefix in front of the gRPC path may well be cut off."""
    if "$" in rewrite.value or "\\" in rewrite.value:
        return any(_cuts_a_service(match.value, rewrite.value) for match in rule.matches)
    if not rule.matches:
        return rewrite.whole or rewrite.value not in ("", "/")
    return any(_changes(match.kind, match.value, rewrite) for match in rule.matches)


def _changes(kind: str, value: str, rewrite: _Rewrite) -> bool:
    if rewrite.whole:
        return not (kind == PathKind.EXACT and value == rewrite.value)
    if kind == PathKind.ANY:
        return rewrite.value not in ("", "/")
    same = value.rstrip("/") == rewrite.value.rstrip("/")
    foreign = service_in(value) is None and value not in ("", "/")
    return not same and not foreign


def _cuts_a_service(pattern: str, value: str) -> bool:
    """`/shop.Greeter(/|$)(.*)` with `/$2`: the service's name lies before the groups and is left out."""
    start = pattern.partition("(")[0].replace("\\.", ".")
    name = service_in(start)
    return name is not None and name not in value.replace("\\.", ".")


def _fix(rule: RouteRule, rewrite: _Rewrite) -> Fix:
    edit = Edit(rule.object)
    target = rewrite.path
    if "rewrite" in target and len(mapping_at(rule.object.raw, *target[:-1])) == 1 and target[-2:-1] == ("rewrite",):
        target = target[:-1]
    elif "urlRewrite" in target and len(mapping_at(rule.object.raw, *target[:-1])) == 1:
        target = target[:-2]
    return edit.remove(target).fix("Remove the rewriting")
