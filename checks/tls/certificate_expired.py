"""certificate-expired: the server's certificate, or one that it needs, is past its end."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command
from grpcdoctor.checks.tls._certificates import EXPIRED, certificate_severity, not_verifying, verified, verify_code
from grpcdoctor.model.facts.tls import Certificate, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD205",
    name="certificate-expired",
    severity=Severity.ERROR,
    title="the certificate has expired",
    explains=("certificate-expiring",),
)
NEEDS = (TlsFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or verified(tls):
        return
    expired = [certificate for certificate in tls.chain if certificate.days_left < 0]
    if not expired and verify_code(tls) != EXPIRED:
        return
    yield Finding(
        RULE,
        message=_message(tls, expired),
        explanation="A client checks the dates of every certificate between the server and the root, and drops the "
        "connection in the handshake." + not_verifying(run),
        evidence=_evidence(tls, expired),
        fixes=_fixes(run, tls, expired),
        severity=certificate_severity(run, tls),
        confidence=1.0 if verify_code(tls) == EXPIRED or tls.leaf in expired else 0.8,
    )


def _message(tls: TlsFacts, expired: list[Certificate]) -> str:
    if not expired:
        return "a certificate in the trust store, needed here, has expired"
    first = expired[0]
    whose = "the certificate" if first is tls.leaf else "an intermediate certificate"
    return f"{whose} expired {_ago(-first.days_left)} ({first.not_after[:10]})"


def _ago(days: float) -> str:
    if days < 1:
        return f"{max(1, round(days * 24))} hours ago" if days * 24 >= 1.5 else "an hour ago"
    return "1 day ago" if round(days) == 1 else f"{round(days)} days ago"


def _evidence(tls: TlsFacts, expired: list[Certificate]) -> tuple[Evidence, ...]:
    seen = [
        Evidence(f"{certificate.subject}: valid from {certificate.not_before} to {certificate.not_after}", ref="tls")
        for certificate in expired
    ]
    if tls.verified is not None and tls.verified.verify_message:
        seen.append(Evidence(f"OpenSSL: {tls.verified.verify_message} (code {verify_code(tls)})", ref="tls"))
    return tuple(seen) or (Evidence(f"OpenSSL: verify code {EXPIRED}", ref="tls"),)


def _fixes(run: Run, tls: TlsFacts, expired: list[Certificate]) -> tuple[Fix, ...]:
    if expired and tls.leaf not in expired:
        return (
            Fix("send the CA's current intermediate in the server's chain file in place of the expired one"),
            Fix("see which certificates are sent", command=openssl_command(run, "-showcerts")),
        )
    if not expired:
        return (
            Fix("renew the CA in the client's trust store", command="openssl x509 -in ca.pem -noout -subject -enddate"),
        )
    return (
        Fix(
            "cert-manager: see why it was not renewed",
            command="kubectl get certificate,certificaterequest,challenge -A",
        ),
        Fix("already renewed? The server holds the old one in memory: reload it (nginx -s reload; restart the pod)"),
        Fix("if the date here is wrong, so is the verdict: compare this machine's clock", command="date -u"),
    )
