"""certificate-expiring: little of the certificate's life is left, so its renewal has probably stopped working."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.tls._certificates import lifetime_days, verified
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
# Certificates that live for hours or days are made by machines, which renew them with a third to half of that left.
_SHARE_OF_LIFE = 0.25
# Istio's and step-ca's default is 24 h, with some minutes back-dated.
_ONE_DAY = 1.1
# "Short-lived" in the CA/Browser Forum's Baseline Requirements §1.6.1; a public CA gives such ones by ACME alone.
_SHORT_LIVED = 7.1


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or tls.leaf is None or not 0 <= tls.leaf.days_left < _limit(run, tls, tls.leaf):
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


def _limit(run: Run, tls: TlsFacts, leaf: Certificate) -> float:
    """The days left from which on it is late. A short life alone is no sign of automation; a mesh or public CA is."""
    life = lifetime_days(leaf)
    of_a_mesh = any(name.startswith("spiffe://") for name in leaf.names)
    of_a_public_ca = run.options.cacert is None and verified(tls)
    renewed_by_machine = life <= _ONE_DAY or (life <= _SHORT_LIVED and (of_a_mesh or of_a_public_ca))
    return life * _SHARE_OF_LIFE if renewed_by_machine else _DAYS


def _left(days: float) -> str:
    if days >= 1.5:
        return f"{round(days)} days"
    return f"{max(1, round(days * 24))} h"
