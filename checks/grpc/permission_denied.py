"""permission-denied: the peer knows enough to say no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._refusal import TOKEN, blind_spot, severity_of, who_is_refused
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called, proxy_of, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD409",
    name="permission-denied",
    severity=Severity.ERROR,
    title="the peer denies permission",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "cloudflare": (
        Fix("Cloudflare: turn gRPC on for the zone (Network > gRPC); while it is off, gRPC requests get 403"),
        Fix("Cloudflare: look for a firewall rule in Security > Events at this minute"),
    ),
    "aws-alb": (Fix("AWS: look for a WAF rule or a listener rule with a fixed 403"),),
    "google": (Fix("Google: look at Cloud Armor's log, and at the service's IAM invoker role"),),
    "envoy": (Fix("Envoy: ask the external authorization service (ext_authz) why; the access log says UAEX then"),),
    "istio": (Fix("Istio: which policies apply to this workload?",
                  command="istioctl x authz check POD -n NAMESPACE"),),
    "nginx": (Fix("nginx: look for deny rules, auth_request and ModSecurity",
                  command="nginx -T | grep -nE 'deny|auth_request|modsecurity'"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.DENIED)
    if effect is None:
        return
    severity = severity_of(run, effect)
    yield Finding(
        RULE,
        message=f"{who_is_refused(effect)}: permission denied",
        explanation=_explanation(effect),
        evidence=evidence_of(effect.hit),
        fixes=_fixes(run, effect),
        severity=severity,
        alternatives=_alternatives(run, effect),
    )
    if severity is Severity.WARNING:
        yield blind_spot(run, "no metadata was given (-H), and the peer answers PERMISSION_DENIED")


def _explanation(effect: Effect) -> str:
    by = effect.hit[0].by
    if by.who == "proxy":
        return f"{called(by.proxy)} refuses; the application never saw the call. It may judge by the address, " \
            "the path, the content type application/grpc or a missing identity."
    return "PERMISSION_DENIED means that the caller is known and may not do this. Retries are useless."


def _fixes(run: Run, effect: Effect) -> tuple[Fix, ...]:
    proxy = proxy_of(effect) if effect.hit[0].by.who == "proxy" else None
    own = tailored(proxy, _FIXES) if proxy is not None else ()
    if run.options.has_credentials:
        return (*own, Fix("Give the caller's account the role that this method wants, or use another account"))[:3]
    call = ("--call", run.options.call) if run.options.call else ()
    return (*own, Fix("Probe with credentials", command=probe_command(run, *call, *TOKEN)))[:3]


def _alternatives(run: Run, effect: Effect) -> tuple[Alternative, ...]:
    if effect.first.grpc_status is None and not effect.others_answer:
        return (
            Alternative("not-grpc", "an edge that does not let gRPC through may answer 403 to its content type",
                        decide=_plain_request(run)),
        )
    return ()


def _plain_request(run: Run) -> str:
    url = f"--http2 https://{run.target.endpoint}" if run.target.tls else (
        f"--http2-prior-knowledge http://{run.target.endpoint}")
    return f"curl -s -o /dev/null -w '%{{http_code}}\\n' {url}/"
