"""ingress-timeout-annotation-invalid: a timeout annotation that ingress-nginx cannot read, so that it keeps 60 s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import annotation_path, confidence, evidence_of, nginx, nginx_key, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD674",
    name="ingress-timeout-annotation-invalid",
    severity=Severity.WARNING,
    title="a timeout annotation is not a whole number of seconds, and is ignored",
)
READS = ROUTE_KINDS

_DEFAULTS: Final = {"proxy-read-timeout": 60, "proxy-send-timeout": 60, "proxy-connect-timeout": 5}
_WITH_UNIT: Final = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)?$", re.IGNORECASE)
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in nginx(cluster):
        for key, default in _DEFAULTS.items():
            name = nginx_key(key)
            value = item.annotations.get(name)
            if value is not None and not re.fullmatch(r"[+-]?\d+", value):
                yield about(
                    RULE,
                    item,
                    annotation_path(name),
                    f'{item.title} has {key} "{value}", which is no whole number of seconds: {default} s hold',
                    symptom=_symptom(key, default),
                    evidence=evidence_of(group),
                    fixes=(_fix(item, name, value),),
                    related=services_in(group),
                    confidence=confidence(cluster, item),
                )


def _symptom(key: str, default: int) -> str:
    if key == "proxy-connect-timeout":
        return f"ingress-nginx logs a warning and waits {default} s for a pod to accept. Then clients get UNAVAILABLE."
    return (
        f"ingress-nginx logs a warning and keeps {default} s: a stream on which nothing moves for so long ends with "
        "INTERNAL (RST_STREAM), a call that is not answered by then with UNAVAILABLE (504)."
    )


def _fix(item: Object, name: str, value: str) -> Fix:
    match = _WITH_UNIT.fullmatch(value.strip())
    if match is None:
        return Edit(item).remove(annotation_path(name)).fix("Remove the annotation, or give it a number of seconds")
    seconds = max(1, int(int(match[1]) * _SECONDS[(match[2] or "").lower()]))
    return Edit(item).set(annotation_path(name), str(seconds)).fix(f'Write the seconds without a unit: "{seconds}"')
