"""upstream-tls-mismatch: TLS between the proxy and its backend fails, or one of the two does not speak it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD426",
    name="upstream-tls-mismatch",
    severity=Severity.ERROR,
    title="TLS between the proxy and its backend fails",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_PLAINTEXT: Final = "speaks TLS to a plaintext backend"
# In the transport failure reason; BoringSSL numbers are 0x10000000 + reason, TLS alerts are reasons from 1000 on.
_WHAT: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"WRONG_VERSION_NUMBER|268435703"), _PLAINTEXT),
    (re.compile(r"SAN matcher|verify SAN list"), "finds another name in the backend's certificate"),
    (re.compile(r"CERTIFICATE_VERIFY_FAILED|268435581|verify cert failed"), "does not trust the backend's certificate"),
    (re.compile(r"CERTIFICATE_REQUIRED|268436572|HANDSHAKE_FAILURE|268436496"),
     "is refused by the backend (client certificate?)"),
    (re.compile(r"UNKNOWN_CA|268436504|BAD_CERTIFICATE|268436498|CERTIFICATE_(UNKNOWN|EXPIRED)|26843650[12]"),
     "shows a certificate that the backend refuses"),
    (re.compile(r"Secret is not supplied"), "waits for its certificate (SDS)"),
)
_STOP_TLS: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: stop TLS towards a workload without sidecar",
                  patch="kind: DestinationRule\nspec:\n  host: SERVICE\n  trafficPolicy: {tls: {mode: DISABLE}}"),
              Fix("… or see which TLS mode applies to it", command="istioctl x describe pod POD -n NAMESPACE")),
    "envoy": (Fix("Envoy: remove `transport_socket` from the cluster, or make the backend speak TLS",
                  command="openssl s_client -connect BACKEND:PORT -alpn h2 </dev/null"),),
    "nginx": (Fix("nginx: plaintext to the backend", patch="grpc_pass grpc://BACKEND;"),),
    "haproxy": (Fix("haproxy: TLS with ALPN to a backend that speaks TLS; without `ssl` to one that does not",
                    patch="server app BACKEND:PORT ssl alpn h2 verify required ca-file /etc/ssl/ca.pem"),),
    "cloudflare": (Fix("Cloudflare: install a certificate that its SSL mode accepts on the origin"),),
    "": (Fix("See what the backend speaks", command="openssl s_client -connect BACKEND:PORT -alpn h2 </dev/null"),),
}
_MEND_TRUST: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: name the CA and the name to verify",
                  patch="trafficPolicy: {tls: {mode: SIMPLE, sni: NAME, caCertificates: /path/ca.crt, "
                  "subjectAltNames: [NAME]}}"),),
    "envoy": (Fix("Envoy: set the trusted CA and the SNI of the cluster's UpstreamTlsContext",
                  patch="sni: NAME\ncommon_tls_context:\n  validation_context: {trusted_ca: {filename: ca.crt}}"),),
    "cloudflare": _STOP_TLS["cloudflare"],
    "": (Fix("Read the backend's certificate and its issuer",
             command="openssl s_client -connect BACKEND:PORT -showcerts </dev/null | openssl x509 -noout -text"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.UPSTREAM_TLS)
    if effect is None:
        return
    proxy, what = proxy_of(effect), _what(effect)
    plaintext = what in (_PLAINTEXT, None)
    yield Finding(
        RULE,
        message=f"{called(proxy)} {what or 'cannot complete TLS with its backend'}",
        explanation=_TO_PLAINTEXT if what == _PLAINTEXT else "The calls reach the proxy and end there: it opens no "
        "connection that it trusts to the backend.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _STOP_TLS if plaintext else _MEND_TRUST),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )


_TO_PLAINTEXT: Final = (
    "The backend answered the proxy's TLS handshake with something that is not TLS: the workload has no sidecar, or "
    "serves plaintext, while the proxy is told to originate TLS."
)


def _what(effect: Effect) -> str | None:
    text = " ".join(item.reply.grpc_message or item.reply.body for item in effect.hit)
    return next((what for pattern, what in _WHAT if pattern.search(text)), None)
