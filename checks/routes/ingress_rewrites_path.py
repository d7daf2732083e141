"""ingress-rewrites-path: a rewrite changes the path of gRPC calls, which is the name of the method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import Carried, annotation_path, carried, confidence, nginx_key
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, mappings_at, text_at
from grpcdoctor.cluster.kinds import CONTOUR_HTTP_PROXY, EMISSARY_MAPPING, INGRESS
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import PathKind
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD679",
    name="ingress-rewrites-path",
    severity=Severity.ERROR,
    title="a rewrite changes the path of gRPC calls, which names the method",
)
READS = ROUTE_KINDS

_METHOD: Final = "/package.Service/Method"
_REWRITE: Final = nginx_key("rewrite-target")
_LONGEST: Final = 300
_RISKY: Final = re.compile(r"[*+}][)\]]*[*+{]")
_SERVICE: Final = re.compile(r"^/(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*/?$")
_GROUP: Final = re.compile(r"\$(\d)")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, FieldPath]] = set()
    for each in carried(cluster):
        path, target = _rewrite(each)
        if not path or (id(each.item), path) in done:
            continue
        sample = _sample(each)
        changed = _rewritten(each, target, sample)
        if changed is not None and changed != sample:
            done.add((id(each.item), path))
            yield _finding(cluster, each, path, sample, changed)


def _rewrite(each: Carried) -> tuple[FieldPath, str]:
    """(the field that rewrites, its value); no path where nothing does."""
    item = each.item
    if item.kind is INGRESS and each.rule.platform == "ingress-nginx" and item.annotations.get(_REWRITE):
        return annotation_path(_REWRITE), item.annotations[_REWRITE]
    if item.kind is EMISSARY_MAPPING and at(item.spec, "regex_rewrite") is None:
        written = at(item.spec, "rewrite")
        return ("spec", "rewrite"), written if isinstance(written, str) else "/"
    if item.kind is CONTOUR_HTTP_PROXY:
        policy: FieldPath = (*each.rule.path, "pathRewritePolicy", "replacePrefix")
        for index, entry in mappings_at(item.raw, *policy):
            if text_at(entry, "prefix") in ("", each.rule.matches[0].value if each.rule.matches else "/"):
                return (*policy, index, "replacement"), text_at(entry, "replacement")
    return (), ""


def _sample(each: Carried) -> str:
    """A gRPC path that this route takes."""
    match = next((m for m in each.rule.matches if m.looks_like_grpc), None)
    literal = _before_groups(text_at(each.item.raw, *each.rule.matches[0].path)) if each.rule.matches else ""
    if literal:
        return f"{literal.rstrip('/')}/Method"
    if match is None:
        return _METHOD
    if match.kind == PathKind.EXACT or match.value.strip("/").count("/"):
        return match.value
    return match.value.rstrip("/") + "/Method"


def _before_groups(pattern: str) -> str:
    """`/package.Service` of `/package.Service(/|$)(.*)`, as the rewrites of nginx have it; empty for all else."""
    literal, group, _ = pattern.partition("(")
    return literal if group and _SERVICE.match(literal) else ""


def _rewritten(each: Carried, target: str, sample: str) -> str | None:
    """The path that the server sees; None where the route does not take the sample, or it cannot be told."""
    match = each.rule.matches[0] if each.rule.matches else None
    if each.item.kind is not INGRESS:
        prefix = match.value if match is not None else "/"
        if match is None or match.kind != PathKind.PREFIX or not sample.startswith(prefix) or not target:
            return None
        return target + sample[len(prefix) :]
    pattern = text_at(each.item.raw, *match.path) if match is not None else "/"
    if pattern == target or len(pattern) > _LONGEST or _RISKY.search(pattern.replace("(.*)", "").replace(".*", "")):
        return None
    try:  # as the template has it: location ~* "^path", rewrite "(?i)path" target
        found = re.match(pattern, sample, re.IGNORECASE)
    except re.error:
        return None
    if found is None:
        return None
    return _GROUP.sub(lambda group: _group(found, int(group[1])), target)


def _group(found: re.Match[str], number: int) -> str:
    return (found[number] or "") if number <= (found.re.groups or 0) else ""


def _finding(cluster: Cluster, each: Carried, path: FieldPath, sample: str, changed: str) -> Conclusion:
    item = each.item
    return about(
        RULE,
        item,
        path,
        f"{item.title} has {each.controller.title} turn {sample} into {changed}",
        symptom="The path of a gRPC call is the name of its method. The server knows no such method, and clients get "
        "UNIMPLEMENTED: Method not found!",
        evidence=each.evidence,
        fixes=(_fix(each, path),),
        related=each.related,
        confidence=confidence(cluster, item),
    )


def _fix(each: Carried, path: FieldPath) -> Fix:
    item = each.item
    if item.kind is EMISSARY_MAPPING:
        return Edit(item).set(path, "").fix('Set rewrite: "", which leaves the path alone (without it Emissary puts /)')
    if item.kind is CONTOUR_HTTP_PROXY:
        return Edit(item).remove((*each.rule.path, "pathRewritePolicy")).fix("Leave the path alone")
    return Edit(item).remove(path).fix("Leave the path alone; paths that need the rewrite belong in another Ingress")
