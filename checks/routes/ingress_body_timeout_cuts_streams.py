"""ingress-body-timeout-cuts-streams: long read timeouts, and nginx's own limit on a silent client still at 60 s."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, evidence_of, grpc_by_nginx, nginx_key
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import number_at
from grpcdoctor.cluster.ingress.installed import setting
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD675",
    name="ingress-body-timeout-cuts-streams",
    severity=Severity.INFO,
    title="nginx ends streams on which the client is silent for longer than client-body-timeout",
)
READS = ROUTE_KINDS
_DEFAULT: Final = 60


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found = setting(cluster, NGINX, "client-body-timeout")
    if found is None:
        return
    config, text = found
    limit = number_at(text) if text else _DEFAULT
    long = [(item, group, _read_timeout(item.annotations)) for item, group in grpc_by_nginx(cluster)]
    cut = [entry for entry in long if limit is not None and entry[2] > limit]
    if not cut or limit is None:
        return
    wanted = max(seconds for _, _, seconds in cut)
    item, group, seconds = cut[0]
    yield about(
        RULE,
        config,
        ("data", "client-body-timeout"),
        f"{item.title} allows {seconds} s of silence, and {config.title} a client {limit} s",
        symptom=f"A client or bidirectional stream on which the client sends nothing for {limit} s ends with INTERNAL "
        "(RST_STREAM, PROTOCOL_ERROR), and nginx logs no error. No annotation changes that: the ConfigMap does.",
        evidence=(seen(item, annotation_path(nginx_key("proxy-read-timeout"))), *evidence_of(group, 1)),
        fixes=(
            Edit(config).set(("data", "client-body-timeout"), str(wanted))
            .fix(f"Give the client as long as the server: {wanted} s"),
        ),
        related=tuple(dict.fromkeys(item for item, _, _ in cut)),
    )  # fmt: skip


def _read_timeout(annotations: dict[str, str]) -> int:
    """The seconds of a read timeout that was raised on purpose; 0 where it was not."""
    return number_at(annotations, nginx_key("proxy-read-timeout")) or 0
