"""address-partly-down: some of the name's addresses answer, others do not."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.reach._addresses import attempt_words
from grpcdoctor.model.facts.reach import TcpAttempt, TcpFacts
from grpcdoctor.model.finding import BlindSpot, Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD106",
    name="address-partly-down",
    severity=Severity.WARNING,
    title="some of the addresses do not answer",
)
NEEDS = (TcpFacts,)


def check(run: Run) -> Iterator[Conclusion]:
    tcp = run.get(TcpFacts)
    if tcp is None or not tcp.connected or not tcp.failed:
        return
    dead = tuple(attempt for attempt in tcp.failed if not _no_ipv6_here(attempt))
    unseen = [attempt.address for attempt in tcp.failed if _no_ipv6_here(attempt)]
    if unseen:
        yield BlindSpot(
            what=f"the IPv6 address{'es' if len(unseen) > 1 else ''} {', '.join(unseen)}",
            why="there is no IPv6 route from this machine",
            decide=probe_command(run) + "  # from a machine with IPv6",
            blocks_verdict=False,
        )
    if dead:
        yield _finding(run, tcp, dead)


def _finding(run: Run, tcp: TcpFacts, dead: tuple[TcpAttempt, ...]) -> Finding:
    total = len(tcp.attempts)
    return Finding(
        RULE,
        message=f"{len(dead)} of {total} addresses {_message_verb(dead)}",
        explanation=_explanation(dead),
        evidence=tuple(Evidence(attempt_words(attempt), ref="tcp") for attempt in tcp.attempts),
        fixes=(
            Fix("bring the server at that address up, or take its record out of DNS: " + _listed(dead)),
            Fix("see what one address alone answers", command=probe_command(run, "--connect-to", dead[0].address)),
        ),
        severity=Severity.INFO if _is_localhost(run.target.dial_host) else None,
    )


def _explanation(dead: tuple[TcpAttempt, ...]) -> str:
    silent = any(attempt.result == "timeout" for attempt in dead)
    cost = "up to 20 s each" if silent else "one failed attempt each"
    return (
        f"Clients that try the addresses in order lose {cost}; those with happy eyeballs (gRFC A61, RFC 8305) race "
        "past. round_robin uses only what answers, so the rest carries the load."
    )


def _message_verb(dead: tuple[TcpAttempt, ...]) -> str:
    results = {attempt.result for attempt in dead}
    one = len(dead) == 1
    if results == {"refused"}:
        return "refuses connections" if one else "refuse connections"
    return "does not answer" if one else "do not answer"


def _listed(dead: tuple[TcpAttempt, ...]) -> str:
    return ", ".join(attempt.address for attempt in dead[:4]) + (" …" if len(dead) > 4 else "")


def _is_localhost(host: str) -> bool:
    """RFC 6761 §6.3: every machine has both loopback addresses, and a server there commonly binds only one."""
    return host == "localhost" or host.endswith(".localhost")


def _no_ipv6_here(attempt: TcpAttempt) -> bool:
    """Not the server's fault: most containers and many networks have no IPv6 at all."""
    return attempt.address.startswith("[") and attempt.result == "unreachable"
