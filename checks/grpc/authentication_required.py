"""authentication-required: the peer wants to know who calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._refusal import TOKEN, blind_spot, severity_of, who_is_refused
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import called
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD408",
    name="authentication-required",
    severity=Severity.ERROR,
    title="the peer refuses calls without valid credentials",
    explains=("clients-disagree",),
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_JWT: Final = re.compile(r"\bjwt|\bjwks", re.IGNORECASE)
_EXPIRED: Final = re.compile(r"expired|not yet valid", re.IGNORECASE)


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.AUTH)
    if effect is None:
        return
    severity = severity_of(run, effect)
    given = run.options.has_credentials
    yield Finding(
        RULE,
        message=f"{who_is_refused(effect)}: " + ("the credentials are not accepted" if given
                                                            else "credentials are required"),
        explanation=_explanation(effect, given),
        evidence=(*evidence_of(effect.hit), *_challenge(effect), _what_was_sent(run)),
        fixes=_fixes(run, effect, given),
        severity=severity,
    )
    if severity is Severity.WARNING:
        yield blind_spot(run, "no metadata was given (-H), and the peer answers UNAUTHENTICATED")


def _explanation(effect: Effect, given: bool) -> str:
    by = effect.hit[0].by
    who = f"{called(by.proxy)} refuses before the application sees the call. " if by.who == "proxy" else ""
    if given:
        return f"{who}UNAUTHENTICATED means that the credentials are not in the form that is wanted, are expired " \
            "or not valid here; retrying with the same ones is useless."
    return f"{who}Transport, TLS, HTTP/2 and gRPC work up to here. Whether calls work shows only with credentials."


def _challenge(effect: Effect) -> tuple[Evidence, ...]:
    challenge = effect.first.header("www-authenticate")
    return (Evidence(f"www-authenticate: {challenge}", ref="grpc"),) if challenge else ()


def _what_was_sent(run: Run) -> Evidence:
    names = ", ".join(sorted({name for name, _ in run.options.headers}))
    return Evidence(f"metadata sent with -H: {names or 'none'}", ref="options")


def _fixes(run: Run, effect: Effect, given: bool) -> tuple[Fix, ...]:
    text = effect.first.grpc_message or effect.first.body
    jwt = (
        Fix("Istio: which policy asks for the token, and of which issuer?",
            command="kubectl get requestauthentication -A -o yaml | grep -nE 'name:|issuer|jwksUri'"),
    ) if _JWT.search(text) else ()
    if not given:
        call = ("--call", run.options.call) if run.options.call else ()
        return (Fix("Probe with credentials", command=probe_command(run, *call, *TOKEN)), *jwt)
    if _EXPIRED.search(text):
        return (Fix("Get a fresh token, and look at the clocks of issuer and verifier"), *jwt)
    look = Fix("Look into the token: exp, aud and iss must be what this service expects",
               command="cut -d. -f2 <<<\"$TOKEN\" | tr '_-' '/+' | base64 -d 2>/dev/null")
    return (look, *jwt, Fix("Check the header's name and form: usually `authorization: Bearer TOKEN`"))
