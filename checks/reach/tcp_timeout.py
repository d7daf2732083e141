"""tcp-timeout: the SYN gets no answer at all."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks.reach._addresses import TIMEOUT, attempts_evidence, other_port_fix, overall_failure
from grpcdoctor.model.facts.reach import OtherPortFacts, TcpFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD103",
    name="tcp-timeout",
    severity=Severity.ERROR,
    title="no answer to the connection attempt",
)
NEEDS = (TcpFacts, OtherPortFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tcp = run.get(TcpFacts)
    if tcp is None or overall_failure(tcp) != TIMEOUT:
        return
    host, port = quote(run.target.dial_host), run.target.dial_port
    yield Finding(
        RULE,
        message=f"no answer on port {port}: the connection attempt times out",
        explanation="The packets are dropped on the way: a firewall, security group or NetworkPolicy, a load balancer "
        "without a healthy backend, a host that is down, or a server whose accept queue is full.",
        evidence=attempts_evidence(run, tcp),
        fixes=(
            *other_port_fix(run),
            Fix("see how far packets to that port get", command=f"traceroute -T -p {port} {host}"),
            Fix(
                "allow the port from here in the firewall or security group; in Kubernetes look at",
                command="kubectl get networkpolicies,ciliumnetworkpolicies -A",
            ),
            Fix("on the server: a Recv-Q above Send-Q is a full accept queue", command=f"ss -ltn 'sport = :{port}'"),
        )[:3],
    )
