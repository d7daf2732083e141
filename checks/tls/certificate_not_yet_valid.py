"""certificate-not-yet-valid: the certificate's validity begins in the future, by this machine's clock."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.tls._certificates import (
    NOT_YET_VALID,
    certificate_severity,
    not_verifying,
    verified,
    verify_code,
)
from grpcdoctor.model.facts.tls import Certificate, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD206",
    name="certificate-not-yet-valid",
    severity=Severity.ERROR,
    title="the certificate is not valid yet",
)
NEEDS = (TlsFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or verified(tls):
        return
    future = [certificate for certificate in tls.chain if certificate.days_since_start < 0]
    if not future and verify_code(tls) != NOT_YET_VALID:
        return
    yield Finding(
        RULE,
        message=_message(future),
        explanation="By this machine's clock the certificate's validity has not begun, so clients refuse it. Where it "
        "begins minutes ahead, one of the two clocks is wrong rather than the certificate." + not_verifying(run),
        evidence=_evidence(tls, future),
        fixes=_fixes(future),
        severity=certificate_severity(run, tls),
        confidence=1.0 if verify_code(tls) == NOT_YET_VALID or tls.leaf in future else 0.8,
    )


def _message(future: list[Certificate]) -> str:
    if not future:
        return "a certificate in the trust store, needed here, is not valid yet"
    return f"the certificate is valid only from {future[0].not_before} ({_ahead(-future[0].days_since_start)})"


def _ahead(days: float) -> str:
    if days >= 1.5:
        return f"in {round(days)} days"
    hours = days * 24
    return f"in {round(hours)} hours" if hours >= 1.5 else f"in {max(1, round(hours * 60))} min"


def _evidence(tls: TlsFacts, future: list[Certificate]) -> tuple[Evidence, ...]:
    seen = [
        Evidence(f"{certificate.subject}: valid from {certificate.not_before} to {certificate.not_after}", ref="tls")
        for certificate in future
    ]
    if tls.verified is not None and tls.verified.verify_message:
        seen.append(Evidence(f"OpenSSL: {tls.verified.verify_message} (code {verify_code(tls)})", ref="tls"))
    return tuple(seen) or (Evidence(f"OpenSSL: verify code {NOT_YET_VALID}", ref="tls"),)


def _fixes(future: list[Certificate]) -> tuple[Fix, ...]:
    clock = Fix(
        "compare the clocks of this machine and of the CA", command="date -u; timedatectl show -p NTPSynchronized"
    )
    issue = Fix("issue the certificate anew, with a notBefore in the past, or go on using the previous one until then")
    far = bool(future) and future[0].days_since_start < -1
    return (issue, clock) if far else (clock, issue)
