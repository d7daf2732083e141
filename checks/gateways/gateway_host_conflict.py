"""gateway-host-conflict: two Gateways serve one host with TLS on one port, and Istio drops one of the servers."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import together
from grpcdoctor.checks.gateways._istio import Use, later_one, slots
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at
from grpcdoctor.cluster.istio.gateways import Server
from grpcdoctor.cluster.istio.virtual_services import VirtualService
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD610",
    name="gateway-host-conflict",
    severity=Severity.ERROR,
    title="two Gateway servers have the same host on the same port",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done = set()
    for slot in slots(cluster):
        kept: dict[str, Use] = {}
        for use in slot:
            server = use.server
            if not server.tls_mode or server.protocol.is_http:  # plaintext servers of one port are merged
                continue
            texts = _texts(server)
            twice = next((text for text in texts if text in kept), None)
            if twice is None:
                kept.update(dict.fromkeys(texts, use))
            elif (id(use), id(kept[twice])) not in done:
                done.add((id(use), id(kept[twice])))
                yield from _judge(kept[twice], use, twice)


def _judge(kept: Use, dropped: Use, host: str) -> Iterator[Conclusion]:
    certain = later_one(kept.server, dropped.server) is not None
    lost = _lost(dropped, kept)
    other = [] if certain else _lost(kept, dropped)
    if not lost and not other:
        return
    if not lost:
        kept, dropped, lost, other = dropped, kept, other, []
    yield _finding(kept, dropped, host, (lost, other), certain)


def _lost(dropped: Use, kept: Use) -> list[VirtualService]:
    """The routes for gRPC that go with a server that is dropped."""
    if not kept.server.is_http:
        return [virtual for virtual in dropped.grpc if virtual.http or virtual not in kept.virtuals]
    return [
        virtual
        for virtual in dropped.grpc
        if virtual not in kept.virtuals
        or not all(
            kept.server.host_for(host, virtual.object.namespace)
            for host in virtual.hosts
            if dropped.server.host_for(host, virtual.object.namespace)
        )
    ]


def _texts(server: Server) -> list[str]:
    """The hosts as Istio compares them."""
    return [host if namespace == "*" else f"{namespace}/{host}" for namespace, host in server.hosts]


def _finding(
    kept: Use, dropped: Use, host: str, lost: tuple[list[VirtualService], list[VirtualService]], certain: bool
) -> Conclusion:
    index = _texts(dropped.server).index(host)
    virtual = lost[0][0].object
    same = kept.gateway is dropped.gateway
    where = "another of its servers" if same else kept.gateway.title
    which = "this one" if certain else "the one of the newer Gateway"
    return about(
        RULE,
        dropped.gateway,
        (*dropped.server.path, "hosts", index),
        f"{dropped.title} serves {host} with TLS, as does {where}: Istio drops one",
        symptom=f"Of two servers with TLS for one host and port Istio keeps the older, and drops {which} with all its "
        f"hosts. The routes of {virtual.title} are lost: clients get UNIMPLEMENTED (12) with an empty message (404), "
        "or for a host of the dropped server alone UNAVAILABLE (14), a failed TLS handshake.",
        evidence=(seen(kept.gateway, (*kept.server.path, "hosts")), *dropped.proof),
        fixes=(_fix(kept, dropped, host, lost),),
        related=(kept.gateway, *(each.object for each in (*lost[0], *lost[1]))),
        confidence=1.0 if certain else 0.9,
    )


def _fix(kept: Use, dropped: Use, host: str, lost: tuple[list[VirtualService], list[VirtualService]]) -> Fix:
    """Each host on one server; the routes name the Gateway that keeps it."""
    steps: list[Fix] = []
    texts, common = _texts(dropped.server), set(_texts(kept.server))
    words = []
    if set(texts) - common:
        edit = Edit(dropped.gateway)
        for index in sorted((i for i, text in enumerate(texts) if text in common), reverse=True):
            edit = edit.remove((*dropped.server.path, "hosts", index))
        words.append(f"take {host} off {dropped.gateway.title}")
        steps.append(edit.fix(words[0]))
    for virtuals, gateway in ((lost[0], kept.gateway), (lost[1] if not steps else [], dropped.gateway)):
        for virtual in virtuals:
            if (gateway.namespace, gateway.name) in virtual.gateway_keys:
                continue
            path = ("spec", "gateways", len(items_at(virtual.object.raw, "spec", "gateways")))
            steps.append(Edit(virtual.object).set(path, gateway.full_name).fix(""))
            words.append(f"bind {virtual.object.title} to {gateway.title} too")
    if not steps:
        return Fix(f"Merge the two servers for {host}: one server with all their hosts")
    summary = "; ".join(words)
    return together(summary[0].upper() + summary[1:], *steps)
