"""certificate-chain-incomplete: the server does not send the intermediate between its certificate and the root."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.tls._certificates import certificate_severity, issuer_fault, verify_code
from grpcdoctor.model.facts.tls import Certificate, TlsFacts
from grpcdoctor.model.finding import Alternative, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD210",
    name="certificate-chain-incomplete",
    severity=Severity.ERROR,
    title="the server does not send its intermediate certificate",
)
NEEDS = (TlsFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tls = run.get(TlsFacts)
    fault = issuer_fault(tls) if tls is not None else None
    if tls is None or tls.leaf is None or fault is None or fault.name != RULE.name:
        return
    words = tls.verified.verify_message if tls.verified is not None else None
    yield Finding(
        RULE,
        message="the server does not send its intermediate certificate",
        explanation="Clients know the root, not what lies between it and the server: the server must send that. "
        "Browsers fetch or remember intermediates and so look fine; gRPC clients do not.",
        evidence=(
            Evidence(f"OpenSSL: {words or 'issuer not found'} (code {verify_code(tls)})", ref="tls"),
            Evidence(f"{len(tls.chain)} sent; the leaf {tls.leaf.subject} is issued by {tls.leaf.issuer}", ref="tls"),
            Evidence(fault.clue, ref="tls"),
        ),
        fixes=_fixes(tls.leaf),
        severity=certificate_severity(run, tls),
        confidence=fault.confidence,
        alternatives=(
            Alternative(
                "certificate-untrusted",
                "a private CA that issues servers' certificates directly sends no intermediate either",
                decide=probe_command(run, "--cacert", "issuer.pem"),
            ),
        ),
    )


def _fixes(leaf: Certificate) -> tuple[Fix, ...]:
    join = Fix(
        "put leaf and intermediate, in this order, into the server's file",
        command="cat leaf.pem intermediate.pem > chain.pem",
    )
    serve = Fix("nginx: ssl_certificate fullchain.pem; Kubernetes: the same in tls.crt of the Secret (not in ca.crt)")
    if leaf.issuer_url is None or not leaf.issuer_url.startswith(("http://", "https://")):
        return (join, serve)
    fetch = Fix("fetch the intermediate that the certificate names", command=f"curl -sO {quote(leaf.issuer_url)}")
    return (fetch, join, serve)
