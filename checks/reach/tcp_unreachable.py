"""tcp-unreachable: there is no way to the address from here."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks.reach._addresses import UNREACHABLE, attempts_evidence, is_unix, other_port_fix, overall_failure
from grpcdoctor.model.facts.reach import OtherPortFacts, TcpAttempt, TcpFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD109",
    name="tcp-unreachable",
    severity=Severity.ERROR,
    title="the address cannot be reached from here",
)
NEEDS = (TcpFacts, OtherPortFacts)


def check(run: Run) -> Iterator[Conclusion]:
    tcp = run.get(TcpFacts)
    if tcp is None or overall_failure(tcp) != UNREACHABLE:
        return
    if is_unix(run):
        yield _unix(run, tcp)
        return
    only_v6 = all(_is_v6(attempt) for attempt in tcp.attempts)
    yield Finding(
        RULE,
        message=_message(tcp, only_v6),
        explanation="The connection failed before any packet reached the host: a routing table has no way there, or a "
        "router on the way said so. VPN, peering or the machine's own network is what to look at, not the server.",
        evidence=attempts_evidence(run, tcp),
        fixes=_fixes(run, tcp, only_v6),
    )


def _message(tcp: TcpFacts, only_v6: bool) -> str:
    if only_v6:
        return "the name has only IPv6 addresses, and there is no IPv6 route from here"
    if all(attempt.result == "error" for attempt in tcp.attempts):
        return f"connecting fails: {tcp.attempts[0].error or 'unknown error'}"
    return "there is no route to the address from here"


def _fixes(run: Run, tcp: TcpFacts, only_v6: bool) -> tuple[Fix, ...]:
    address = tcp.attempts[0].address.rpartition(":")[0].strip("[]")
    route = Fix("see which way this machine would take", command=f"ip route get {quote(address)}")
    if only_v6:
        publish = Fix("publish an A record too: many networks and most pods have no IPv6")
        return (route, publish)
    return (*other_port_fix(run), route, Fix("connect the VPN, or run this where the network is", command="ip route"))


def _unix(run: Run, tcp: TcpFacts) -> Finding:
    error = tcp.attempts[0].error or "cannot be opened"
    return Finding(
        RULE,
        message=f"the socket cannot be opened: {error}",
        explanation="The path names no socket that this user may open; nothing was sent.",
        evidence=attempts_evidence(run, tcp),
        fixes=(Fix("see what is at the path, and whose it is", command=f"ls -l {quote(run.target.unix_path or '')}"),),
    )


def _is_v6(attempt: TcpAttempt) -> bool:
    return attempt.address.startswith("[")
