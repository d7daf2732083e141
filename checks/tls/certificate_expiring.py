"""certificate-expiring: little of the certificate's life is left, so its renewal has probably stopped working."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.tls._certificates import lifetime_days
from grpcdoctor.model.facts.tls import Certificate, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD207",
    name="certificate-expiring",
    severity=Severity.WARNING,
    title="the certificate expires soon",
)
NEEDS = (TlsFacts,)

_DAYS = 14.0
# Mesh and ACME certificates may live for hours or days, and are renewed with a third to half of that left.
_SHARE_OF_LIFE = 0.25


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or tls.leaf is None or not is_expiring(tls.leaf):
        return
    leaf = tls.leaf
    yield Finding(
        RULE,
        message=f"the certificate expires in {_left(leaf.days_left)} ({leaf.not_after[:10]})",
        explanation="From then on every new connection fails. Automatic renewal replaces a certificate long before "
        "this point, so it is probably not working (or not set up).",
        evidence=(Evidence(f"{leaf.subject}: valid from {leaf.not_before} to {leaf.not_after}", ref="tls"),),
        fixes=(
            Fix(
                "cert-manager: see why it was not renewed",
                command="kubectl get certificate,certificaterequest,challenge -A",
            ),
            Fix("certbot: try the renewal", command="certbot renew --dry-run"),
            Fix("already renewed on disk? Reload the server: it holds the old certificate in memory"),
        ),
    )


def is_expiring(certificate: Certificate) -> bool:
    limit = min(_DAYS, lifetime_days(certificate) * _SHARE_OF_LIFE)
    return 0 <= certificate.days_left < limit


def _left(days: float) -> str:
    if days >= 1.5:
        return f"{round(days)} days"
    return f"{max(1, round(days * 24))} h"
