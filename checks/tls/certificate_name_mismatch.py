"""certificate-name-mismatch: the certificate is for other names than the one that clients dial."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.tls._certificates import (
    certificate_severity,
    not_verifying,
    placeholder_owner,
    verify_code,
    wrong_name,
)
from grpcdoctor.checks.tls._words import names_of
from grpcdoctor.model.facts.tls import SniFacts, TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import is_address

RULE = Rule(
    code="GD208",
    name="certificate-name-mismatch",
    severity=Severity.ERROR,
    title="the certificate is for another name",
)
NEEDS = (TlsFacts, SniFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    if tls is None or not wrong_name(tls):
        return
    owner = placeholder_owner(tls.leaf)
    yield Finding(
        RULE,
        message=_message(tls, owner),
        explanation=_explanation(tls, owner) + not_verifying(run),
        evidence=_evidence(run, tls),
        fixes=_fixes(run, tls, owner),
        severity=Severity.WARNING if _by_common_name_alone(tls) else certificate_severity(run, tls),
    )


def _message(tls: TlsFacts, owner: str | None) -> str:
    if owner is not None:
        return f"{owner} has no certificate for {tls.verify_name}: it shows its placeholder"
    return f"the certificate is not for {tls.verify_name}"


def _explanation(tls: TlsFacts, owner: str | None) -> str:
    if owner is not None:
        return (
            "A gateway shows its built-in certificate where no configured one fits the name in SNI; clients refuse it."
        )
    if tls.leaf is not None and not tls.leaf.names:
        return "It has no subjectAltName. RFC 9525 §6.3 rules the common name out: Go and Rust clients refuse such a " \
            "certificate, grpcio and others may still take it."
    return "Clients compare the name that they dial with the certificate's subjectAltName and hang up where none fits."


def _by_common_name_alone(tls: TlsFacts) -> bool:
    """Some clients get in: those that look at the common name where there is no subjectAltName."""
    leaf, name = tls.leaf, re.escape(tls.verify_name)
    return leaf is not None and not leaf.names and re.search(rf"(^|,)CN={name}(,|$)", leaf.subject, re.I) is not None


def _evidence(run: Run, tls: TlsFacts) -> tuple[Evidence, ...]:
    seen = []
    if tls.leaf is not None:
        seen.append(Evidence(f"{tls.leaf.subject or 'the certificate'} is for {names_of(tls.leaf)}", ref="tls"))
    seen.append(Evidence(f"the name to verify is {tls.verify_name}", ref="tls"))
    if verify_code(tls) is not None and tls.verified is not None and tls.verified.verify_message:
        seen.append(Evidence(f"OpenSSL: {tls.verified.verify_message} (code {verify_code(tls)})", ref="tls"))
    sni = run.get(SniFacts)
    if sni is not None and sni.same_certificate is True and not is_address(tls.verify_name):
        seen.append(Evidence("without SNI the same certificate comes: it is the listener's default one", ref="sni"))
    return tuple(seen)


def _fixes(run: Run, tls: TlsFacts, owner: str | None) -> tuple[Fix, ...]:
    reissue = Fix(f"reissue the certificate with {_entry(tls.verify_name)} among its subjectAltNames")
    if owner is not None:
        return (
            Fix(
                "give the Ingress a tls entry for this host, with a Secret in its namespace",
                patch=f"tls: [{{hosts: [{tls.verify_name}], secretName: grpc-tls}}]",
            ),
            Fix(
                "see whether that Secret exists and holds a certificate",
                command="kubectl get ingress,secret -A | grep -i tls",
            ),
        )
    name = next((name for name in tls.leaf.names if _dialable(name)), None) if tls.leaf is not None else None
    if name is None:
        return (reissue,)
    dial = Fix(
        "check with a name of the certificate, and dial that name (or override it in the client: "
        "grpc.ssl_target_name_override, tls.Config.ServerName)",
        command=probe_command(run, "--servername", name),
    )
    # Behind an address any certificate with a DNS name "mismatches": there the name is what the client lacks.
    return (dial, reissue) if is_address(tls.verify_name) else (reissue, dial)


def _entry(name: str) -> str:
    return f"IP:{name}" if is_address(name) else f"DNS:{name}"


def _dialable(name: str) -> bool:
    return "*" not in name and "://" not in name and not is_address(name)
