"""upstream-connection-terminated: the backend drops the proxy's connection, or resets its streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import PROBE_BACKEND, called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD425",
    name="upstream-connection-terminated",
    severity=Severity.ERROR,
    title="the backend breaks off what the proxy sends",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_ASK_THE_BACKEND: Final = Fix("See what the backend speaks: TLS there means that the proxy must originate TLS",
                              command=PROBE_BACKEND)
_TLS_TO_BACKEND: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (_ASK_THE_BACKEND, Fix("Istio: originate TLS to a backend that speaks TLS itself",
                                    patch="kind: DestinationRule\nspec:\n  host: SERVICE\n"
                                    "  trafficPolicy: {tls: {mode: SIMPLE}}")),
    "envoy": (Fix("Envoy: originate TLS with ALPN h2 to a backend that speaks TLS itself",
                  patch="transport_socket:\n  name: envoy.transport_sockets.tls\n  typed_config:\n"
                  '    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n'
                  '    common_tls_context: {alpn_protocols: ["h2"]}'),),
    "": (_ASK_THE_BACKEND, Fix("Look for a crash or a restart", command="kubectl -n NAMESPACE logs POD --previous")),
}
_RESETS: Final[dict[str, tuple[Fix, ...]]] = {
    "": (Fix("Call the backend without the proxy; if it resets there too, the application does it",
             command=PROBE_BACKEND),
         Fix("Envoy 1.29.0 to 1.29.2 removes `te: trailers`, and C-core servers reset such calls: upgrade it")),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.CONNECTION_TERMINATED)
    if effect is None:
        return
    proxy, resets = proxy_of(effect), _resets(effect)
    yield Finding(
        RULE,
        message=f"the backend {'resets the streams' if resets else 'drops the connections'} of {called(proxy)}",
        explanation=_RESETTING if resets else _DROPPING,
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _RESETS if resets else _TLS_TO_BACKEND),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )


_DROPPING: Final = (
    "TCP connects, then the backend closes before it answers. Always: plaintext sent to a TLS port, TLS without ALPN "
    "h2, or strict mTLS. Now and then: a server that crashes, restarts, or closes idle connections first."
)
_RESETTING: Final = (
    "The backend takes the connection and resets each call: it dislikes a header (te, :scheme, content-length) or "
    "fails in a handler."
)


def _resets(effect: Effect) -> bool:
    text = effect.first.grpc_message or effect.first.body
    return "remote reset" in text or "remote error" in text or "local reset" in text
