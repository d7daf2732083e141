"""alb-success-codes-invalid: the health check of a gRPC target group is given HTTP statuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, carried, confidence
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.ingress.aws import PREFIX, VERSION, written
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD688",
    name="alb-success-codes-invalid",
    severity=Severity.ERROR,
    title="an ALB's health check for gRPC is given HTTP statuses",
)
READS = ROUTE_KINDS
_CODES: Final = f"{PREFIX}success-codes"
_PATH: Final = f"{PREFIX}healthcheck-path"
_HIGHEST: Final = 99


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, str]] = set()
    for each in carried(cluster, "alb"):
        version, codes = written(each.place, VERSION), written(each.place, _CODES)
        if version is None or version[1] != "GRPC" or codes is None or (id(codes[0]), _CODES) in done:
            continue
        holder, value = codes
        if not any(int(number) > _HIGHEST for number in re.findall(r"\d{1,6}", value)):
            continue
        done.add((id(holder), _CODES))
        path = written(each.place, _PATH)
        right = "0" if path is not None and "Health" in path[1] else "12"
        yield about(
            RULE,
            holder,
            annotation_path(_CODES),
            f'{holder.title} has success-codes "{value}" for a gRPC target group, whose codes are 0 to {_HIGHEST}',
            symptom="AWS answers that the codes must be within 0-99, and the controller does not update the balancer: "
            "new routes and targets do not come, and clients get UNAVAILABLE (503) or UNKNOWN (464).",
            evidence=(seen(version[0], annotation_path(VERSION)),),
            fixes=(
                Edit(holder).set(annotation_path(_CODES), right)
                .fix(f"Expect the gRPC status {right}: "
                     + ("OK" if right == "0" else "UNIMPLEMENTED, which servers answer to the ALB's own path")),
            ),
            related=(*each.related, each.item),
            confidence=confidence(cluster, each.item),
        )  # fmt: skip
