"""http-redirect: calls are answered with a redirect, which gRPC clients do not follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.http2._spoken import grpc_target_of, leads_elsewhere, plaintext_is_tls, split_location, spoken
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http1Facts, Http2Facts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD303",
    name="http-redirect",
    severity=Severity.ERROR,
    title="calls are redirected",
    explains=("http2-not-spoken", "not-grpc", "clients-disagree"),
)
NEEDS = (H2cFacts, Http1Facts, Http2Facts, GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_TOKEN = ("-H", "authorization: Bearer TOKEN")
_LOGIN_WORDS = ("login", "signin", "sign_in", "oauth", "auth", "sso", "saml")


@dataclass(frozen=True, slots=True)
class _Redirect:
    """Where calls are sent, and how that was seen."""

    location: str
    status: int
    evidence: tuple[Evidence, ...]
    severity: Severity
    in_clear: bool
    """Seen on a connection without TLS."""


def check(run: Run) -> Iterator[Conclusion]:
    found = _in_replies(run) or _in_http1(run)
    if found is None:
        return
    target = grpc_target_of(found.location)
    to_https = target is not None and target.startswith("grpcs://") and found.in_clear
    yield Finding(
        RULE,
        message=_message(found, to_https),
        explanation="gRPC clients never follow a redirect: they report UNKNOWN "
        f'("Received http2 header with status: {found.status}") or, where HTTP/1.1 was spoken, UNAVAILABLE. '
        + (
            "This port is only there to send browsers to HTTPS; gRPC belongs on the TLS port."
            if to_https
            else "Something in front of the application wants the caller elsewhere first."
        ),
        evidence=found.evidence,
        fixes=_fixes(found, target, to_https, run),
        severity=found.severity,
        alternatives=_alternatives(found, run),
    )


def _in_replies(run: Run) -> _Redirect | None:
    effect = effect_of(run, lambda item: item.kind is Kind.REDIRECT)
    if effect is None:
        return None
    location = effect.first.header("location") or ""
    evidence = evidence_of(effect.hit)
    if location:
        evidence = (*evidence, Evidence(f"location: {location}", ref="grpc"))
    http2 = run.get(Http2Facts)
    in_clear = http2.transport == "plaintext" if http2 is not None else not run.target.tls
    return _Redirect(location, effect.first.http_status or 0, evidence, effect.severity, in_clear)


def _in_http1(run: Run) -> _Redirect | None:
    """A port that speaks HTTP/1.1 in clear and sends its callers elsewhere. Under TLS the rules about ALPN speak."""
    found = spoken(run)
    if found is None or found.over_tls or found.first.spoken != "http/1.1" or found.http1 is None:
        return None
    if plaintext_is_tls(run) or not leads_elsewhere(found.http1, run.target):
        return None
    location = found.http1.header("location") or ""
    said = f"{found.request}: HTTP/1.1 {found.http1.status} {found.http1.reason}".rstrip()
    evidence = (Evidence(said, ref="http1"), Evidence(f"location: {location}", ref="http1"))
    return _Redirect(location, found.http1.status, evidence, Severity.ERROR, in_clear=True)


def _message(found: _Redirect, to_https: bool) -> str:
    if to_https:
        return "this port only redirects to HTTPS; gRPC clients do not follow"
    where = split_location(found.location)
    place = (where.netloc + where.path)[:40] if where is not None else ""
    return f"calls are redirected to {place or 'another place'}; gRPC clients do not follow"


def _fixes(found: _Redirect, target: str | None, to_https: bool, run: Run) -> tuple[Fix, ...]:
    if to_https and target is not None:
        return (
            Fix("Use the TLS port, with TLS credentials in the client", command=f"grpcdoctor probe {quote(target)}"),
            Fix("ingress-nginx, where gRPC is wanted on the plaintext port as well",
                patch='nginx.ingress.kubernetes.io/ssl-redirect: "false"'),
            Fix("Istio: no redirect in the Gateway's server for this port", patch="tls: {httpsRedirect: false}"),
        )
    if _is_login(found.location):
        return (
            Fix("Let gRPC paths pass the sign-in proxy with a token in place of a browser session",
                command=probe_command(run, *_TOKEN)),
            Fix("ingress-nginx: drop the sign-in redirect on the gRPC host, so that a refusal is a plain 401",
                patch="remove nginx.ingress.kubernetes.io/auth-signin"),
        )
    fixes = (Fix("Remove the redirect for the gRPC paths (/package.Service/) where it is configured"),)
    if target is None:
        return fixes
    return (Fix("Use the address that it points to", command=f"grpcdoctor probe {quote(target)}"), *fixes)


def _alternatives(found: _Redirect, run: Run) -> tuple[Alternative, ...]:
    if _is_login(found.location):
        return (
            Alternative("authentication-required", "a sign-in page stands in front: with credentials calls may pass",
                        decide=probe_command(run, *_TOKEN)),
        )
    if found.severity is Severity.ERROR and run.options.call is None and run.target.tls:
        return (
            Alternative("route-not-found", "only the paths that were tried may be redirected",
                        decide=probe_command(run, "--call", "package.Service/Method")),
        )
    return ()


def _is_login(location: str) -> bool:
    return any(word in location.lower() for word in _LOGIN_WORDS)
