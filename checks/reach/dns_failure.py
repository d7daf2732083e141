"""dns-failure: the name of the target gives no address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.model.facts.reach import DnsFacts, TcpFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD101",
    name="dns-failure",
    severity=Severity.ERROR,
    title="the name does not resolve",
)
NEEDS = (DnsFacts, TcpFacts)


@dataclass(frozen=True, slots=True)
class _Kind:
    message: str
    explanation: str


_KINDS: Final = {
    "nxdomain": _Kind(
        "{host} does not exist in DNS",
        "The resolver answers, and knows no A or AAAA record of that name: a typing error, a record that was never "
        "made, or a name that only another resolver knows (a cluster's, a VPN's).",
    ),
    "try-again": _Kind(
        "the resolver cannot say anything about {host} at the moment",
        "The resolver reports a temporary failure: it does not reach a name server, or that one answers SERVFAIL. "
        "Whether the name exists is not known.",
    ),
    "timeout": _Kind(
        "no resolver answers the question for {host}",
        "The question for the name got no answer in time: the name server is down, or a firewall drops UDP and TCP "
        "port 53 on the way to it.",
    ),
    "error": _Kind(
        "looking {host} up fails",
        "The system's resolver refuses the question or its set-up (/etc/resolv.conf, nsswitch.conf) is broken.",
    ),
}
_IN_CLUSTER_SUFFIXES: Final = (".svc", ".cluster.local")


def check(run: Run) -> Iterator[Conclusion]:
    dns, tcp = run.get(DnsFacts), run.get(TcpFacts)
    if dns is None or dns.literal or dns.addresses or _is_not_needed(run, tcp):
        return
    failure = dns.failure or "nxdomain"  # an answer without a single address
    kind = _KINDS.get(failure, _KINDS["error"])
    yield Finding(
        RULE,
        message=kind.message.format(host=dns.host),
        explanation=kind.explanation,
        evidence=(Evidence(f"getaddrinfo({dns.host}): {dns.error or failure}", ref="dns"),),
        fixes=(*_cluster_fix(run, dns.host), *_fixes(run, dns.host, failure)),
        confidence=1.0 if failure == "nxdomain" else 0.9,
    )


def _is_not_needed(run: Run, tcp: TcpFacts | None) -> bool:
    """A proxy or --connect-to found the way. One that only a cluster's objects know is no client's way."""
    if tcp is None or not tcp.connected:
        return False
    return tcp.proxy is not None or run.target.connect_to is not None


def _cluster_fix(run: Run, host: str) -> tuple[Fix, ...]:
    """Names that look like a Service's are known to the cluster's DNS alone."""
    name = host.rstrip(".").lower()
    if not name.endswith(_IN_CLUSTER_SUFFIXES) and name.count(".") > 1:
        return ()
    service, _, rest = name.partition(".")
    namespace = f" -n {quote(rest.split('.')[0])}" if rest else ""
    return (
        Fix(
            "the name of a Kubernetes Service? It resolves only inside the cluster: forward its port and probe that",
            command=f"kubectl port-forward{namespace} service/{quote(service)} {run.target.port}:{run.target.port}",
        ),
    )


def _fixes(run: Run, host: str, failure: str) -> tuple[Fix, ...]:
    by_address = Fix(
        "you know the address? Test the endpoint without DNS",
        command=probe_command(run, "--connect-to", f"ADDRESS:{run.target.port}"),
    )
    ask = Fix("see which name server says what", command=f"dig +search {quote(host)} A; dig +search {quote(host)} AAAA")
    if failure == "nxdomain":
        return (ask, by_address)
    # ndots:5, the default in pods, tries every search domain first; a trailing dot asks once and exactly.
    dot = Fix(
        "in a pod: ask without the search domains (ndots:5 makes up to ten questions of one)",
        command=f"getent ahosts {quote(host.rstrip('.') + '.')}; cat /etc/resolv.conf",
    )
    return (dot, by_address)
