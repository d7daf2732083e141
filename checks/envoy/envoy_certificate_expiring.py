"""envoy-certificate-expiring: a certificate that this Envoy holds has expired, or will before it is likely renewed."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CERTIFICATE, in_envoy, said
from grpcdoctor.envoy.certificates import Certificate
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD902",
    name="envoy-certificate-expiring",
    severity=Severity.ERROR,
    title="a certificate that Envoy uses has expired or soon will",
)
ASKS = ("certs",)

_DAY = 86400.0
_SOON = 14 * _DAY
# Short-lived ones are renewed late by design: Istio's live a day and are renewed at half of it.
_SHARE = 0.2
_AUTHORITY = "Every handshake that it verifies fails: UNAVAILABLE; CERTIFICATE_VERIFY_FAILED in the log of Envoy."
_OWN = (
    "Clients refuse the handshake: UNAVAILABLE, certificate has expired. As a client certificate it is refused by the "
    "backend: UNAVAILABLE, upstream connect error."
)


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for certificate in proxy.certificates:
        left = certificate.left
        if left is not None and left < _soon(certificate):
            yield _finding(certificate, left)


def _soon(certificate: Certificate) -> float:
    return _SOON if certificate.lifetime is None else min(_SOON, certificate.lifetime * _SHARE)


def _finding(certificate: Certificate, left: float) -> Conclusion:
    role = "CA certificate" if certificate.is_authority else "certificate"
    when = f"expired {_words(-left)} ago" if left <= 0 else f"expires in {_words(left)}"
    return in_envoy(
        RULE,
        CERTIFICATE,
        certificate.title,
        f"the {role} {certificate.title} {when}",
        symptom=_AUTHORITY if certificate.is_authority else _OWN,
        evidence=[said(_dates(certificate), "certs")],
        fixes=(_fix(certificate),),
        severity=Severity.ERROR if left <= 0 else Severity.WARNING,
    )


def _dates(certificate: Certificate) -> str:
    path = f", from {certificate.path}" if certificate.path else ""
    return f"valid from {certificate.valid_from} to {certificate.expires}, serial {certificate.serial}{path}"


def _fix(certificate: Certificate) -> Fix:
    if certificate.path and certificate.path != "<inline>":
        return Fix(f"Renew {certificate.path}; Envoy reads a file anew only if it is watched, else restart it")
    return Fix("Renew it where it is issued: SDS (istiod, cert-manager) sends the new one without a restart")


def _words(seconds: float) -> str:
    if seconds >= 2 * _DAY:
        return f"{seconds / _DAY:.0f} days"
    if seconds >= 7200:
        return f"{seconds / 3600:.0f} hours"
    return f"{max(seconds, 0) / 60:.0f} minutes"
