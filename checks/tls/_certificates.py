"""What the chain itself says, read beside OpenSSL's verdict: OpenSSL stops at the first fault, a user wants all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from grpcdoctor.model.facts.tls import Certificate, TlsFacts
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import is_address

# OpenSSL's X509_V_ERR_* (include/openssl/x509_vfy.h).
NOT_YET_VALID: Final = 9
EXPIRED: Final = 10
SELF_SIGNED_LEAF: Final = 18
SELF_SIGNED_IN_CHAIN: Final = 19
NAME_MISMATCHES: Final = frozenset((62, 64))
ISSUER_MISSING: Final = frozenset((2, 20, 21))

# Placeholders that gateways present while they have no certificate for the host that was asked.
_PLACEHOLDERS: Final = (
    ("Ingress Controller Fake Certificate", "the ingress controller"),
    ("TRAEFIK DEFAULT CERT", "Traefik"),
)
_SAYS_ROOT: Final = re.compile(r"\broot\b", re.IGNORECASE)
_SAYS_INTERMEDIATE: Final = re.compile(
    r"\b(intermediate|issuing|sub-?ca|subordinate|tls ca|server ca)\b", re.IGNORECASE
)


def verify_code(tls: TlsFacts) -> int | None:
    """OpenSSL's reason for refusing the chain; None where it verified, or nobody asked it to."""
    return tls.verified.verify_code if tls.verified is not None else None


def verified(tls: TlsFacts) -> bool:
    """OpenSSL found chain and name good: no rule may know better."""
    return tls.verified is not None and tls.verified.version is not None


def certificate_severity(run: Run, tls: TlsFacts) -> Severity | None:
    """None (the rule's own), or WARNING: with --insecure nothing fails here, and after --plaintext it comes second."""
    return Severity.WARNING if run.options.insecure or not tls.asked else None


def not_verifying(run: Run) -> str:
    """The half sentence for a finding that --insecure made milder."""
    return " Your --insecure passes over it; other clients do not." if run.options.insecure else ""


def fits_name(certificate: Certificate, name: str) -> bool:
    """Whether the certificate is for this name (RFC 9525 §6: subject alternative names only, one label a wildcard)."""
    if is_address(name):
        wanted = ip_address(name.split("%", 1)[0])
        return any(is_address(have) and ip_address(have) == wanted for have in certificate.names)
    labels = name.rstrip(".").lower()
    return any(_fits(have.lower().rstrip("."), labels) for have in certificate.names)


def _fits(pattern: str, name: str) -> bool:
    if not pattern.startswith("*."):
        return pattern == name
    first, dot, rest = name.partition(".")
    return bool(first) and bool(dot) and rest == pattern[2:]


def wrong_name(tls: TlsFacts) -> bool:
    """The leaf is not for the name that the user dialled."""
    if verified(tls) or not tls.verify_name:
        return False
    if verify_code(tls) in NAME_MISMATCHES:
        return True
    return tls.leaf is not None and not fits_name(tls.leaf, tls.verify_name)


def placeholder_owner(leaf: Certificate | None) -> str | None:
    """The gateway whose built-in placeholder this is; None for a certificate that somebody chose."""
    text = leaf.subject if leaf is not None else ""
    return next((owner for mark, owner in _PLACEHOLDERS if mark in text), None)


def lifetime_days(certificate: Certificate) -> float:
    return certificate.days_left + certificate.days_since_start


@dataclass(frozen=True, slots=True)
class IssuerFault:
    """The chain ends at an issuer that the trust store lacks: which of the two rules reports it, and why."""

    name: str
    confidence: float
    clue: str


def issuer_fault(tls: TlsFacts) -> IssuerFault | None:
    """Unknown root or missing intermediate? OpenSSL gives one code for both; the rest is in the chain."""
    if verify_code(tls) not in ISSUER_MISSING:
        return None
    top = top_of_chain(tls.chain)
    if top is None:
        return IssuerFault(_UNTRUSTED, 0.5, "the chain could not be read")
    if top.self_signed:
        return IssuerFault(_UNTRUSTED, 0.95, "the chain sent reaches up to a root that the trust store lacks")
    if top is tls.leaf and len(tls.chain) > 1:
        return IssuerFault(_INCOMPLETE, 0.9, "none of the certificates sent along is the leaf's issuer")
    return _by_issuer(tls, top)


def top_of_chain(chain: tuple[Certificate, ...]) -> Certificate | None:
    """The last certificate that the leaf reaches through the issuers that were sent."""
    if not chain:
        return None
    top, rest = chain[0], list(chain[1:])
    while not top.self_signed:
        issuer = next((candidate for candidate in rest if candidate.subject == top.issuer), None)
        if issuer is None:
            break
        rest.remove(issuer)
        top = issuer
    return top


def _by_issuer(tls: TlsFacts, top: Certificate) -> IssuerFault:
    if tls.trusted_relative == top.issuer:
        return IssuerFault(_UNTRUSTED, 0.9, f"the trust store has a CA named {top.issuer}, with another key")
    if _SAYS_ROOT.search(top.issuer):
        return IssuerFault(_UNTRUSTED, 0.85, f"the missing issuer is a root by its name: {top.issuer}")
    if tls.trusted_relative is not None:
        clue = f"the trust store has {tls.trusted_relative}, of the same organisation as the missing {top.issuer}"
        return IssuerFault(_INCOMPLETE, 0.85, clue)
    if top is not tls.leaf:
        return IssuerFault(_UNTRUSTED, 0.8, f"intermediates were sent, up to one issued by {top.issuer}")
    if top.issuer_url is not None:
        clue = f"the certificate says where its missing issuer can be fetched, as public CAs' do: {top.issuer_url}"
        return IssuerFault(_INCOMPLETE, 0.85, clue)
    if _SAYS_INTERMEDIATE.search(top.issuer):
        return IssuerFault(_INCOMPLETE, 0.75, f"the missing issuer is no root by its name: {top.issuer}")
    return IssuerFault(_UNTRUSTED, 0.6, f"only the leaf was sent, issued by {top.issuer}")


_UNTRUSTED: Final = "certificate-untrusted"
_INCOMPLETE: Final = "certificate-chain-incomplete"
