"""certificate-untrusted: no CA that the client trusts vouches for the certificate."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import openssl_command, probe_command
from grpcdoctor.checks.tls._certificates import (
    EXPIRED,
    ISSUER_MISSING,
    NAME_MISMATCHES,
    NOT_YET_VALID,
    SELF_SIGNED_IN_CHAIN,
    SELF_SIGNED_LEAF,
    IssuerFault,
    certificate_severity,
    issuer_fault,
    placeholder_owner,
    verify_code,
    wrong_name,
)
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD209",
    name="certificate-untrusted",
    severity=Severity.ERROR,
    title="the certificate is not trusted",
)
NEEDS = (TlsFacts,)

# These have a rule of their own.
_ELSEWHERE = {EXPIRED, NOT_YET_VALID} | NAME_MISMATCHES
_MESSAGES = {
    SELF_SIGNED_LEAF: "the certificate is self-signed and not in the trust store",
    SELF_SIGNED_IN_CHAIN: "the certificate's root CA is not in the trust store",
}


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    code = verify_code(tls) if tls is not None else None
    if tls is None or code is None or code in _ELSEWHERE:
        return
    fault = issuer_fault(tls)
    if fault is not None and fault.name != RULE.name:
        return
    if placeholder_owner(tls.leaf) is not None and wrong_name(tls):
        return  # a gateway's placeholder: certificate-name-mismatch says what is missing
    yield Finding(
        RULE,
        message=_message(tls, code, fault),
        explanation=_explanation(run, code),
        evidence=_evidence(tls, code, fault),
        fixes=_fixes(run, code),
        severity=certificate_severity(run, tls),
        confidence=fault.confidence if fault is not None else 1.0,
        alternatives=_alternatives(run, fault),
    )


def _message(tls: TlsFacts, code: int, fault: IssuerFault | None) -> str:
    if code in _MESSAGES:
        return _MESSAGES[code]
    if fault is not None:
        return "the certificate's CA is not in the trust store"
    why = tls.verified.verify_message if tls.verified is not None else None
    return f"the certificate fails verification: {why or f'OpenSSL code {code}'}"


def _explanation(run: Run, code: int) -> str:
    store = "--cacert" if run.options.cacert else "this machine's trust store"
    if code in _MESSAGES or code in ISSUER_MISSING:
        return f"Nothing in {store} vouches for it, so a client with the same roots refuses the connection."
    return "OpenSSL refuses the chain for what it is, not for want of a CA; other TLS libraries may be more lenient."


def _evidence(tls: TlsFacts, code: int, fault: IssuerFault | None) -> tuple[Evidence, ...]:
    words = (
        tls.verified.verify_message
        if tls.verified is not None and tls.verified.verify_message
        else "verification failed"
    )
    seen = [Evidence(f"OpenSSL: {words} (code {code})", ref="tls")]
    if tls.leaf is not None:
        seen.append(
            Evidence(f"{len(tls.chain)} sent; the leaf {tls.leaf.subject} is issued by {tls.leaf.issuer}", ref="tls")
        )
    return (*seen, Evidence(fault.clue, ref="tls")) if fault is not None else tuple(seen)


def _fixes(run: Run, code: int) -> tuple[Fix, ...]:
    if code not in _MESSAGES and code not in ISSUER_MISSING:
        return (Fix("see the whole chain and its keys", command=openssl_command(run, "-showcerts")),)
    what = "the server's own certificate" if code == SELF_SIGNED_LEAF else "the CA that issued it"
    return (
        Fix(
            f"give clients {what} as a root (grpcdoctor and grpcurl: --cacert, -cacert; gRPC: root certificates)",
            command=probe_command(run, "--cacert", "ca.pem"),
        ),
        Fix("or install a certificate of a CA that the clients know already"),
    )


def _alternatives(run: Run, fault: IssuerFault | None) -> tuple[Alternative, ...]:
    if fault is None or fault.confidence >= 0.9:
        return ()
    return (
        Alternative(
            "certificate-chain-incomplete",
            "an intermediate that the server does not send gives the same error",
            decide=openssl_command(run, "-showcerts") + " 2>/dev/null | grep -E '^ *[0-9]+ s:|^ *i:'",
        ),
    )
