"""ingress-ssl-redirect: plaintext gRPC is answered with a redirect that no gRPC client follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import (
    annotation_path,
    confidence,
    evidence_of,
    grpc_by_nginx,
    nginx_key,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD680",
    name="ingress-ssl-redirect",
    severity=Severity.INFO,
    title="plaintext calls are answered with a redirect, though nothing here terminates TLS",
)
READS = ROUTE_KINDS
_FORCE: Final = nginx_key("force-ssl-redirect")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in grpc_by_nginx(cluster):
        bare = [each for each in group if not any(e.terminates_tls or e.passes_tls for e in each.rule.entrances)]
        if not bare or flag_at(item.annotations, _FORCE) is not True:
            continue
        yield about(
            RULE,
            item,
            annotation_path(_FORCE),
            f"{item.title} redirects plaintext calls to HTTPS and has no TLS for {_hosts(bare[0].rule.hosts)}",
            symptom="ingress-nginx answers 308 unless X-Forwarded-Proto says https. A gRPC client does not follow it: "
            "UNKNOWN, Received http2 header with status: 308. A layer-4 balancer that ends TLS in front sends no such "
            "header.",
            evidence=evidence_of(bare, 1),
            fixes=(Edit(item).remove(annotation_path(_FORCE)).fix("Do not redirect"),),
            related=services_in(bare),
            confidence=confidence(cluster, item, 0.8),
        )


def _hosts(hosts: tuple[str, ...]) -> str:
    return hosts[0] if hosts else "any host"
