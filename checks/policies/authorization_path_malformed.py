"""authorization-path-malformed: a path of an AuthorizationPolicy is written so that no gRPC call ever has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._authz import ALLOW, DENY, Operation, Policy, known_services, meets, policies
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD733",
    name="authorization-path-malformed",
    severity=Severity.ERROR,
    title="a path of an AuthorizationPolicy matches no gRPC call",
)
READS = ROUTE_KINDS

_SERVICE: Final = r"(?:[A-Za-z_]\w*\.)+[A-Z]\w*"
_NO_SLASH: Final = re.compile(rf"^{_SERVICE}(?:/(?:\w+|\*))?$")
_SERVICE_ALONE: Final = re.compile(rf"^/{_SERVICE}/?$")
_REGEX: Final = re.compile(rf"^/({_SERVICE})/(?:\.\*|\.\+|\[.*\]\*|\(.*\))\$?$")
_DEEPER: Final = re.compile(rf"^/({_SERVICE})/(\w+)/(?:\*|.*)$")
_STAR_WITHIN: Final = re.compile(r"^/?(?:[A-Za-z_]\w*\.)+[\w.]*\*[\w.]*/(?:\w+|\*)$|^/\*/\w+$")
_WHOLE: Final = re.compile(r"^/([A-Za-z_][\w.]*)/(\w+|\*)$")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for policy in policies(cluster):
        known = known_services(cluster, policy.served(cluster))
        for operation in policy.operations:
            for field in ("paths", "notPaths"):
                yield from _judge(cluster, policy, operation, field, known)


def _judge(
    cluster: Cluster, policy: Policy, operation: Operation, field: str, known: frozenset[str]
) -> Iterator[Conclusion]:
    listed = operation.raw.get(field)
    written = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    for index, text in enumerate(listed if isinstance(listed, list) else ()):
        found = _fault(text, known) if isinstance(text, str) else None
        if found is None:
            continue
        fault, right = found
        if right and any(meets(other, right.replace("*", "x")) for other in written if other != text):
            continue  # another path of the list says it rightly
        place = (*operation.path, field, index)
        yield _finding(policy, place, text, fault, right, known, policy.concerned(cluster))


def _fault(path: str, known: frozenset[str]) -> tuple[str, str] | None:
    """(what is wrong, the likely right path; empty where it cannot be told)."""
    if _NO_SLASH.match(path):
        return "without the leading slash", _with_method("/" + path)
    if _SERVICE_ALONE.match(path):
        return "a service without a method", _with_method(path)
    regex = _REGEX.match(path)
    if regex:
        return "a regular expression", f"/{regex[1]}/*"
    deeper = _DEEPER.match(path)
    if deeper:
        return "which goes on after the method", f"/{deeper[1]}/{deeper[2]}"
    if _STAR_WITHIN.match(path) and "{" not in path:
        return "with a * in the middle", _expanded(path, known)
    whole = _WHOLE.match(path)
    if whole and known and whole[1] not in known:
        meant = _meant(whole[1], known)
        return (f"and routes lead to {meant}", f"/{meant}/{whole[2]}") if meant else None
    return None


def _with_method(path: str) -> str:
    parts = path.strip("/").split("/")
    return f"/{parts[0]}/{parts[1]}" if len(parts) > 1 else f"/{parts[0]}/*"


def _expanded(path: str, known: frozenset[str]) -> str:
    service, _, method = path.strip("/").rpartition("/")
    expression = re.escape(service).replace(r"\*", r"[\w.]*")
    fitting = [name for name in known if re.fullmatch(expression, name)]
    return f"/{fitting[0]}/{method}" if len(fitting) == 1 else ""


def _meant(service: str, known: frozenset[str]) -> str:
    """The one known service of the same name in another package or another case."""
    last = service.rpartition(".")[2].lower()
    fitting = [name for name in known if name.rpartition(".")[2].lower() == last]
    alike = [name for name in fitting if name.lower() == service.lower() or "." not in service]
    return alike[0] if len(alike) == 1 else ""


def _finding(
    policy: Policy,
    place: tuple[str | int, ...],
    path: str,
    fault: str,
    right: str,
    known: frozenset[str],
    concerned: tuple[Object, ...],
) -> Conclusion:
    item = policy.object
    allows = (policy.action == ALLOW) is (place[-2] == "paths")
    fix = (
        Edit(item).set(place, right).fix(f"Write {right}")
        if right
        else Fix("Write each path out as /package.Service/Method, or end it with /*: a * counts at either end only")
    )
    return about(
        RULE,
        item,
        place,
        f'{item.title} ({policy.action}) has the path "{path}", {fault}',
        symptom=_symptom(policy.action, allows),
        evidence=tuple(seen(item, place, f"routes lead to the gRPC service {name}") for name in sorted(known)[:2]),
        fixes=(fix,),
        related=concerned,
        severity=None if policy.action == ALLOW and allows else Severity.WARNING,
        confidence=0.8 if "routes lead" in fault else 1.0,
    )


def _symptom(action: str, allows: bool) -> str:
    request = (
        "A gRPC call has the path /package.Service/Method, and in a pattern a * counts at either end only: no call has "
        "this path. "
    )
    if action == ALLOW and allows:
        return request + "What it was to allow is refused: clients get PERMISSION_DENIED: RBAC: access denied."
    if action == DENY and not allows:
        return request + "What it was to refuse goes through."
    return request + "The policy does not apply where it was meant to."
