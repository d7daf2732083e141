"""Which of several failed connection attempts tells most, and how attempts are worded."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.reach import OtherPortFacts, TcpAttempt, TcpFacts
from grpcdoctor.model.finding import Evidence, Fix
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import is_address, join_host_port

REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
UNREACHABLE: Final = "unreachable"
# TcpAttempt.result -> the group that a rule reports. A RST in answer to the SYN and one right after it mean the same.
_GROUPS: Final = {
    "refused": REFUSED,
    "reset": REFUSED,
    "timeout": TIMEOUT,
    "unreachable": UNREACHABLE,
    "error": UNREACHABLE,
}
# Where two results are equally frequent: the one in which the packet got farther comes first.
_FARTHEST: Final = (REFUSED, TIMEOUT, UNREACHABLE)
_WORDS: Final = {
    "connected": "connects",
    "refused": "refused",
    "reset": "reset while connecting",
    "timeout": "no answer",
    "unreachable": "unreachable",
    "error": "failed",
}


def overall_failure(tcp: TcpFacts | None) -> str | None:
    """REFUSED, TIMEOUT or UNREACHABLE where no address connected; None where one did or a proxy stood in between.

    An unreachable address was stopped by a routing table, often this machine's own (no IPv6 here), so it counts only
    where no other attempt got any farther.
    """
    if tcp is None or not tcp.attempts or tcp.connected or tcp.proxy_error is not None:
        return None
    if any(_hangs_on_loopback(attempt) for attempt in tcp.attempts):
        return TIMEOUT  # ::1 refuses beside 127.0.0.1: the server binds the one family only
    groups = Counter(_GROUPS.get(attempt.result, UNREACHABLE) for attempt in tcp.attempts)
    farther = {group: count for group, count in groups.items() if group != UNREACHABLE} or dict(groups)
    return max(farther, key=lambda group: (farther[group], -_FARTHEST.index(group)))


def _hangs_on_loopback(attempt: TcpAttempt) -> bool:
    """No packet is lost on loopback, and a port without a listener refuses: somebody listens, with a full backlog."""
    host = attempt.address.rpartition(":")[0].strip("[]")  # of `unix:/path` no address either
    return attempt.result == "timeout" and is_address(host) and ip_address(host.partition("%")[0]).is_loopback


def attempt_words(attempt: TcpAttempt) -> str:
    """`192.0.2.7:443 no answer after 3.0 s`."""
    words = f"{attempt.address} {_WORDS.get(attempt.result, attempt.result)}"
    if attempt.result == "timeout":
        return f"{words} after {milliseconds(attempt.duration_ms)}"
    if attempt.result in ("unreachable", "error") and attempt.error:
        return f"{words}: {attempt.error}"
    return words if attempt.result != "connected" else f"{words} in {milliseconds(attempt.duration_ms)}"


def attempts_evidence(run: Run, tcp: TcpFacts) -> tuple[Evidence, ...]:
    """One line an address, then what another port of the same host says."""
    seen = [Evidence(attempt_words(attempt), ref="tcp") for attempt in tcp.attempts]
    other = run.get(OtherPortFacts)
    if other is not None:
        seen.append(Evidence(f"port {other.port} of the same host: {_other_words(other)}", ref="other-port"))
    return tuple(seen)


def other_port_fix(run: Run) -> tuple[Fix, ...]:
    """The probe of the port that does answer, where one was found."""
    other = run.get(OtherPortFacts)
    if other is None or other.result != "connected":
        return ()
    endpoint = join_host_port(run.target.host, other.port)
    return (
        Fix(
            f"port {other.port} answers; see whether gRPC is there, without TLS",
            command=probe_command(run, plaintext=True, endpoint=endpoint),
        ),
    )


def _other_words(other: OtherPortFacts) -> str:
    if other.result != "connected":
        return _WORDS.get(other.result, other.result)
    spoken = {None: "connects", "nothing": "connects and says nothing", "closed": "connects and closes at once"}
    words = spoken.get(other.spoken, f"speaks {other.spoken}")
    return f'{words} ("{other.detail}")' if other.detail else words


def is_unix(run: Run) -> bool:
    return run.target.unix_path is not None
