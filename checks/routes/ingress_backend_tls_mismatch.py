"""ingress-backend-tls-mismatch: the controller speaks plaintext HTTP/2 to pods that serve TLS, or the reverse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import Carried, carried, confidence
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mapping_at, text_at
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.intent import Hint
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD684",
    name="ingress-backend-tls-mismatch",
    severity=Severity.ERROR,
    title="the ingress controller and the gRPC server disagree about TLS between them",
)
READS = ROUTE_KINDS

# Those whose one field says both, so that the fix is to set it.
_PLATFORMS: Final = ("ingress-nginx", "kong", "haproxy-ingress", "traefik")
_PLAIN_TO_TLS: Final = {
    "haproxy-ingress": "HAProxy waits for an answer that does not come: clients get DEADLINE_EXCEEDED.",
}
_TLS_TO_PLAIN: Final = {
    "haproxy-ingress": "The TLS handshake fails: clients get UNAVAILABLE (503) after 3 s.",
}


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[tuple[int, str]] = set()
    for each in carried(cluster, *_PLATFORMS):
        upstream = each.backend.upstream
        if upstream.spoken is not Spoken.H2 or upstream.tls not in (Tls.NONE, Tls.SIMPLE):
            continue
        wants_tls = upstream.tls is Tls.SIMPLE
        hints = each.intent.tls if each.intent.serves_tls and not wants_tls else ()
        if wants_tls and not each.intent.tls:
            hints = _plaintext(each)
        told = each.controller.told(cluster, each.place, not wants_tls) if hints else None
        if told is None or (id(told.object), str(told.path)) in done:
            continue
        done.add((id(told.object), str(told.path)))
        spoken = "over TLS" if wants_tls else "in plaintext"
        reason = "a gRPC probe in plaintext reaches it" if wants_tls else "which serves TLS"
        table = _TLS_TO_PLAIN if wants_tls else _PLAIN_TO_TLS
        usual = "The handshake fails and clients get UNAVAILABLE (502)."
        holder, path = (upstream.decision.object or told.object), (upstream.decision.path or told.path)
        yield about(
            RULE,
            holder,
            path,
            f"{each.controller.title} speaks HTTP/2 {spoken} to {each.title}, {reason}",
            symptom=table.get(each.rule.platform, usual),
            evidence=tuple(seen(hint.object, hint.path, hint.text) for hint in hints[:2]),
            fixes=(Edit(told.object).set(told.path, told.value).fix(told.summary),),
            related=(*each.related, each.item),
            confidence=confidence(cluster, each.item, 0.8),
        )


def _plaintext(each: Carried) -> tuple[Hint, ...]:
    """A kubelet's own gRPC probe of this port, which is in plaintext unless it says `mode: TLS`."""
    if not isinstance(each.backend.port, ServicePort):
        return ()
    found: list[Hint] = []
    for workload, container, number in each.backend.port.containers():
        for name, raw, path in container.probes:
            grpc = mapping_at(raw, "grpc")
            if grpc.get("port") == number and text_at(grpc, "mode").upper() != "TLS":
                text = f"container {container.name} has a gRPC {name} on port {number}, which is in plaintext"
                found.append(Hint(text, 3, workload.object, path))
    return tuple(found)
