"""ingress-body-size-limits-messages: nginx's limit on request bodies is below what gRPC servers accept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import annotation_path, evidence_of, grpc_by_nginx, nginx_key, services_in
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD676",
    name="ingress-body-size-limits-messages",
    severity=Severity.INFO,
    title="nginx refuses request bodies that a gRPC server would accept",
)
READS = ROUTE_KINDS

_KEY: Final = "proxy-body-size"
_SIZE: Final = re.compile(r"(\d{1,15})([kmg]?)", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_OF_GRPC: Final = 4 * 1024**2  # what gRPC servers accept of one message unless they are told otherwise
_DEFAULT: Final = "1m"


def check(cluster: Cluster) -> Iterator[Conclusion]:
    config = setting(cluster, NGINX, _KEY)
    name = nginx_key(_KEY)
    for item, group in grpc_by_nginx(cluster):
        own = item.annotations.get(name, "")
        value = own or (config[1] if config is not None else "") or _DEFAULT
        size = _bytes(value)
        if size is None or size == 0 or size >= _OF_GRPC:
            continue
        yield about(
            RULE,
            item,
            annotation_path(name),
            f"{item.title} lets at most {value} of a call's messages through; gRPC servers accept 4 MiB a message",
            symptom="nginx counts all messages that a client sends in one call together. Beyond the limit it answers "
            "413, and clients get UNKNOWN.",
            evidence=evidence_of(group, 1),
            fixes=(
                Edit(item).set(annotation_path(name), "0")
                .fix("Set no limit here: the gRPC server has its own for each message"),
            ),
            related=services_in(group),
            confidence=1.0 if own or (config is not None and config[1]) else 0.8,
        )  # fmt: skip


def _bytes(value: str) -> int | None:
    match = _SIZE.fullmatch(value.strip())
    return int(match[1]) * _UNITS[match[2].lower()] if match is not None else None
