"""ingress-snippet-refused: timeouts for gRPC in a snippet, which ingress-nginx does not allow unless it is told to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, confidence, evidence_of, nginx, nginx_key, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.ingress.installed import setting, version_of
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD694",
    name="ingress-snippet-refused",
    severity=Severity.WARNING,
    title="a snippet with gRPC settings is refused, for the controller allows no snippets",
)
READS = ROUTE_KINDS

_SNIPPETS: Final = (nginx_key("server-snippet"), nginx_key("configuration-snippet"))
_ALLOW: Final = "allow-snippet-annotations"
_OURS: Final = re.compile(r"\b(grpc_\w+|client_body_timeout)\s+([^;]*);")
_SECONDS: Final = re.compile(r"(\d{1,9})(s|m|h|d)?")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
_ANNOTATIONS: Final = {"grpc_read_timeout": "proxy-read-timeout", "grpc_send_timeout": "proxy-send-timeout"}
_OFF_SINCE: Final = (1, 9)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    refusal = _refused(cluster)
    if refusal is None:
        return
    sure, evidence = refusal
    for item, group in nginx(cluster):
        for name in _SNIPPETS:
            directives = dict(_OURS.findall(item.annotations.get(name, "")))
            if not directives:
                continue
            yield about(
                RULE,
                item,
                annotation_path(name),
                f"{item.title} sets {next(iter(directives))} in a {name.rpartition('/')[2]}, which is not allowed",
                symptom="ingress-nginx drops the snippet, or its webhook refuses the Ingress. The timeouts stay at "
                "60 s: streams on which nothing moves for so long end with INTERNAL (RST_STREAM).",
                evidence=(*evidence, *evidence_of(group, 1)),
                fixes=(_fix(item, name, directives),),
                related=services_in(group),
                confidence=confidence(cluster, item, sure),
            )


def _refused(cluster: Cluster) -> tuple[float, tuple[Evidence, ...]] | None:
    """(how sure, why): by the ConfigMap, or by the version, since which snippets are off by default."""
    found = setting(cluster, NGINX, _ALLOW)
    version = version_of(cluster, NGINX)
    if found is not None and found[1]:
        return None if flag_at(found[1]) is not False else (1.0, (seen(found[0], ("data", _ALLOW)),))
    if found is None and version is None:
        return None
    if version is not None and version < _OFF_SINCE:
        return None
    evidence = (seen(found[0], ("data", _ALLOW)),) if found is not None else ()
    return (1.0 if version is not None and found is not None else 0.7), evidence


def _fix(item: Object, name: str, directives: dict[str, str]) -> Fix:
    edit = Edit(item)
    for directive, value in directives.items():
        match = _SECONDS.fullmatch(value.strip())
        key = _ANNOTATIONS.get(directive)
        if match is not None and key is not None:
            edit.set(annotation_path(nginx_key(key)), str(int(match[1]) * _UNITS[match[2]]))
    edit.remove(annotation_path(name))
    body = "; client_body_timeout belongs in the ConfigMap (client-body-timeout)"
    return edit.fix(
        "Use annotations for the timeouts, and drop the snippet" + (body if "client_body_timeout" in directives else "")
    )
