"""gateway-tls-on-plaintext-protocol: a server has TLS settings, and its protocol is one without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD603",
    name="gateway-tls-on-plaintext-protocol",
    severity=Severity.ERROR,
    title="a Gateway port has TLS settings, and a protocol without TLS",
    explains=(
        "gateway-port-protocol-conflict", "gateway-protocol-opaque", "route-in-wrong-section",
        "gateway-server-without-routes",
    ),
)  # fmt: skip
READS = ROUTE_KINDS
_WITH_TLS: Final = (Protocol.HTTPS, Protocol.TLS)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        server = use.server
        known = server.protocol is not Protocol.AUTO
        if use.severity is not None and server.terminates_tls and known and server.protocol not in _WITH_TLS:
            yield _finding(use)


def _finding(use: Use) -> Conclusion:
    server, gateway = use.server, use.gateway
    path = (*server.path, "port", "protocol")
    word = server.protocol_word
    terminate = Edit(gateway).set(path, "HTTPS").fix("Declare HTTPS: TLS is ended here, and gRPC is read inside")
    clear = Edit(gateway).remove((*server.path, "tls")).fix(f"Or drop `tls`, if port {server.port} is to be plaintext")
    return about(
        RULE,
        gateway,
        path,
        f"{use.title} has tls mode {server.tls_mode}, and the protocol {word}, which is plaintext",
        symptom="Istio's webhook refuses this Gateway (server cannot have TLS settings for plain text HTTP ports). "
        "Where it is there all the same, the port speaks plaintext: TLS clients get UNAVAILABLE (14), "
        "a failed handshake (wrong version number).",
        evidence=(seen(gateway, (*server.path, "tls", "mode")), *use.proof),
        fixes=(terminate, clear),
        related=use.related,
        severity=use.severity,
    )
