"""alb-idle-timeout: an ALB ends streams on which nothing moves for 60 s, PINGs or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import (
    Carried,
    annotation_path,
    by_object,
    confidence,
    evidence_of,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.aws import PREFIX
from grpcdoctor.cluster.ingress.table import class_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD689",
    name="alb-idle-timeout",
    severity=Severity.INFO,
    title="an ALB ends streams on which nothing moves for a minute",
)
READS = ROUTE_KINDS
_ATTRIBUTES: Final = f"{PREFIX}load-balancer-attributes"
_IDLE: Final = re.compile(r"idle_timeout\.timeout_seconds\s*=\s*(\d{1,6})")
_DEFAULT: Final = 60


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in by_object(cluster, "alb"):
        found = class_of(cluster, item).object
        if found is not None and mapping_at(found.spec, "parameters"):
            continue  # its parameters may set the attribute
        value = item.annotations.get(_ATTRIBUTES, "")
        match = _IDLE.search(value)
        seconds = int(match[1]) if match is not None else _DEFAULT
        grouped = f"{PREFIX}group.name" in item.annotations  # another Ingress of the group may set it
        if seconds > _DEFAULT or (grouped and match is None) or not _is_grpc(group):
            continue
        wanted = "idle_timeout.timeout_seconds=3600"
        new = _IDLE.sub(wanted, value) if match is not None else ",".join(word for word in (value, wanted) if word)
        yield about(
            RULE,
            item,
            annotation_path(_ATTRIBUTES),
            f"the ALB of {item.title} ends streams on which nothing moves for {seconds} s",
            symptom="Such a stream ends with RST_STREAM (INTERNAL or UNAVAILABLE), again each minute. The ALB answers "
            "PINGs itself, so that a client's keepalive does not help.",
            evidence=evidence_of(group, 1),
            fixes=(Edit(item).set(annotation_path(_ATTRIBUTES), new).fix("Let streams be silent for an hour"),),
            related=services_in(group),
            confidence=confidence(cluster, item),
        )



def _is_grpc(group: list[Carried]) -> bool:
    return any(each.backend.upstream.spoken is Spoken.H2 for each in group)
