"""gateway-tls-mode-missing: a server names a certificate and no TLS mode, so TLS is not ended there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import RESET, Use, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.istio.gateways import Server
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD604",
    name="gateway-tls-mode-missing",
    severity=Severity.ERROR,
    title="a Gateway port names a certificate, and no TLS mode",
    explains=("route-in-wrong-section", "gateway-server-without-routes", "gateway-port-protocol-conflict"),
)
READS = ROUTE_KINDS
_CERTIFICATE: Final = ("credentialName", "credentialNames", "serverCertificate", "tlsCertificates")
_CA: Final = ("caCertificates", "caCertCredentialName")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        tls = use.server.tls
        named = next((key for key in _CERTIFICATE if tls.get(key)), None)
        if use.severity is None or named is None or tls.get("mode"):
            continue
        if any(route.section in ("tls", "tcp") for virtual in use.virtuals for route in virtual.routes):
            continue  # what passes through unread is routed: perhaps just that is meant
        yield _finding(use, named)


def _finding(use: Use, named: str) -> Conclusion:
    server, gateway = use.server, use.gateway
    if server.protocol.is_http:
        effect = f"On a port with the protocol {server.protocol_word} that means plaintext: TLS clients get UNAVAILABLE"
        effect += " (14), a failed handshake (wrong version number)."
    else:
        effect = f"The certificate is not used, and `http` routes have no effect. {RESET}"
    return about(
        RULE,
        gateway,
        (*server.path, "tls", "mode"),
        f"{use.title} names a certificate ({named}) and no tls mode, which means PASSTHROUGH",
        symptom=f"Without a mode Istio does not end TLS. {effect}",
        evidence=(seen(gateway, (*server.path, "tls", named)), *use.proof),
        fixes=(_fix(server),),
        related=use.related,
        severity=use.severity,
    )


def _fix(server: Server) -> Fix:
    mode = "MUTUAL" if any(text_at(server.tls, key) for key in _CA) else "SIMPLE"
    edit = Edit(server.gateway).set((*server.path, "tls", "mode"), mode)
    if server.protocol is not Protocol.HTTPS:
        edit = edit.set((*server.path, "port", "protocol"), "HTTPS")
    return edit.fix(f"Set the mode {mode}, so that the gateway ends TLS and reads the calls")
