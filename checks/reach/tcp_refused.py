"""tcp-refused: the host answers, and nothing listens on that port."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.reach._addresses import REFUSED, attempts_evidence, is_unix, other_port_fix, overall_failure
from grpcdoctor.model.facts.reach import OtherPortFacts, TcpFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD102",
    name="tcp-refused",
    severity=Severity.ERROR,
    title="the connection is refused",
)
NEEDS = (TcpFacts, OtherPortFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tcp = run.get(TcpFacts)
    if tcp is None or overall_failure(tcp) != REFUSED:
        return
    if is_unix(run):
        yield _unix(run, tcp)
        return
    port = run.target.dial_port
    yield Finding(
        RULE,
        message=f"nothing listens on port {port} (connection refused)",
        explanation="The host is up and answers with a reset: the server is not running, listens on another port or "
        "only on 127.0.0.1 inside its pod, or a firewall rejects the connection in its name.",
        evidence=attempts_evidence(run, tcp),
        fixes=(
            *other_port_fix(run),
            Fix("see what listens, on the server or in its pod (0.0.0.0 or [::], not 127.0.0.1)", command="ss -ltnp"),
            Fix("Kubernetes: a Service without ready pods refuses too", command="kubectl get endpointslices -A"),
        ),
    )


def _unix(run: Run, tcp: TcpFacts) -> Finding:
    return Finding(
        RULE,
        message="the socket file exists and nobody listens on it",
        explanation="A server that ended without removing its socket leaves the file behind; connecting is refused.",
        evidence=attempts_evidence(run, tcp),
        fixes=(Fix("start the server; it has to remove the stale file first", command="ss -lxp"),),
    )
