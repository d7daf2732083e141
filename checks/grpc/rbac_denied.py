"""rbac-denied: the proxy's authorization policy refuses the call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import A_METHOD, called, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import BlindSpot, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD432",
    name="rbac-denied",
    severity=Severity.ERROR,
    title="the proxy's authorization policy refuses the call",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (
        Fix("Istio: list the policies that apply; one ALLOW policy denies all that it does not name",
            command="kubectl get authorizationpolicy -A; istioctl x authz check POD -n NAMESPACE"),
        Fix("Istio: allow the method (gRPC is always POST, and the path is /package.Service/Method)",
            patch="action: ALLOW\nrules: [{to: [{operation: {methods: [POST], paths: [/package.Service/*]}}]}]"),
    ),
    "envoy": (Fix("Envoy: allow the path in the RBAC filter's policies",
                  patch="permissions: [{url_path: {path: {prefix: /package.Service/}}}]\nprincipals: [{any: true}]"),),
    "linkerd": (Fix("Linkerd: see which policy refuses this client", command="linkerd viz authz -n NAMESPACE deploy"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.RBAC)
    if effect is None:
        return
    proxy, severity = proxy_of(effect), _severity(run, effect)
    yield Finding(
        RULE,
        message=f"{called(proxy)} refuses {_what_is_refused(effect)} (RBAC: access denied)",
        explanation="The proxy refused before any backend saw the call. Policies look at the client's identity (mTLS), "
        "its address, the path and the headers; without a client certificate there is no identity.",
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _FIXES),
        severity=severity,
        confidence=surest(effect),
    )
    if severity is Severity.WARNING:
        yield BlindSpot(
            what="whether the methods in use are allowed",
            why="the policy refused our questions; it may allow other paths, or calls with an identity",
            decide=probe_command(run, "--call", A_METHOD, "-H", "authorization: Bearer TOKEN"),
        )


def _severity(run: Run, effect: Effect) -> Severity:
    """Closing health and reflection to strangers is good practice, so their refusal alone proves no fault."""
    if effect.hits_the_call:
        return Severity.ERROR
    if effect.a_method_runs:
        return Severity.INFO
    return Severity.ERROR if run.options.has_credentials else Severity.WARNING


def _what_is_refused(effect: Effect) -> str:
    if effect.hits_the_call:
        return effect.first.path or "the method called"
    return ", ".join(item.question for item in effect.hit[:2]) if effect.a_method_runs else "the calls"
