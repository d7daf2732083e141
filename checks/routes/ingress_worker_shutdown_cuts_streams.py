"""ingress-worker-shutdown-cuts-streams: streams that may last longer than nginx waits for them when it reloads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, grpc_by_nginx, nginx_key
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import number_at
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD678",
    name="ingress-worker-shutdown-cuts-streams",
    severity=Severity.INFO,
    title="each reload of nginx ends streams that last longer than worker-shutdown-timeout",
)
READS = ROUTE_KINDS
_KEY: Final = "worker-shutdown-timeout"
_DEFAULT: Final = "240s"
_TIME: Final = re.compile(r"(\d{1,9})(s|m|h|d)?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found = setting(cluster, NGINX, _KEY)
    if found is None:
        return
    config, text = found
    match = _TIME.fullmatch(text or _DEFAULT)
    if match is None:
        return
    limit = int(match[1]) * _SECONDS[match[2]]
    name = nginx_key("proxy-read-timeout")
    long = [(item, number_at(item.annotations, name) or 0) for item, _ in grpc_by_nginx(cluster)]
    cut = [(item, seconds) for item, seconds in long if seconds > limit]
    if not cut:
        return
    wanted = max(seconds for _, seconds in cut)
    yield about(
        RULE,
        config,
        ("data", _KEY),
        f"{cut[0][0].title} has streams of up to {cut[0][1]} s in mind; a reload of nginx ends them after {limit} s",
        symptom="Most changes of any Ingress reload nginx. Its old workers send GOAWAY, wait that long, and close the "
        "connection: streams that still run end with UNAVAILABLE.",
        evidence=(seen(cut[0][0], annotation_path(name)),),
        fixes=(Edit(config).set(("data", _KEY), f"{wanted}s").fix(f"Let old workers finish streams for {wanted} s"),),
        related=tuple(item for item, _ in cut),
    )
