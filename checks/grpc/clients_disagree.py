"""clients-disagree: grpcio fails at an endpoint where the wire shows nothing wrong, or dies of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._replies import replies
from grpcdoctor.model.codes import GrpcStatus, name_of
from grpcdoctor.model.facts.grpc import Reply, SecondOpinionFacts
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD412",
    name="clients-disagree",
    severity=Severity.WARNING,
    title="grpcio fails where the wire shows no fault",
)
NEEDS = (SecondOpinionFacts,)

# Words in grpcio's error -> (what they mean, what to try).
_HINTS: Final[tuple[tuple[re.Pattern[str], str, Fix | None], ...]] = (
    (re.compile(r"DNS|C-ares|name resolution", re.IGNORECASE),
     "grpcio resolves names by itself (c-ares), not by the system's resolver.",
     Fix("Let grpcio use the system's resolver", command="export GRPC_DNS_RESOLVER=native")),
    (re.compile(r"proxy|CONNECT", re.IGNORECASE),
     "grpcio goes through an HTTP proxy that its environment names.",
     Fix("Leave this host out of the proxy", command="export no_grpc_proxy=HOST")),
    (re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate|Peer name", re.IGNORECASE),
     "grpcio trusts its own list of roots, not the system's.",
     Fix("Give grpcio the roots",
         command="export GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=/etc/ssl/certs/ca-certificates.crt")),
    (re.compile(r"metadata size|header", re.IGNORECASE),
     "C-core has its own limits on metadata: 8 KiB soft, 16 KiB hard.",
     Fix("Send less metadata, or raise the client's limit",
         patch='options=[("grpc.absolute_max_metadata_size", 65536)]')),
    (re.compile(r"larger than max", re.IGNORECASE),
     "grpcio receives at most 4 MiB in one message.",
     Fix("Raise the client's limit", patch='options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)]')),
    (re.compile(r"deadline exceeded", re.IGNORECASE),
     "grpcio got no answer in five seconds where the wire had one: the two may have met different backends.",
     None),
)
_NO_HINT: Final = "The two may have met different backends, or grpcio is stricter than the probe somewhere."


def check(run: Run) -> Iterator[Conclusion]:
    opinion = run.get(SecondOpinionFacts)
    if opinion is None:
        return
    if opinion.exit_signal is not None:
        yield _death(run, opinion)
        return
    reply = next((reply for _, reply in replies(run) if reply.path == opinion.method), None)
    if opinion.code in (None, "OK") or reply is None or not _wire_is_clean(run) or _agree(opinion, reply):
        return
    means, fix = next(
        ((means, fix) for words, means, fix in _HINTS if words.search(opinion.details)),
        (_NO_HINT, None),
    )
    again = Fix("Ask several times, on fresh connections", command=probe_command(run, "--count", "10"))
    yield Finding(
        RULE,
        message=f"grpcio fails with {opinion.code} where the wire shows no fault",
        explanation=f"{means} Python, C++, Ruby and PHP clients are hit; others may not be.",
        evidence=(
            Evidence(f'{opinion.client} on {opinion.method}: {opinion.code} "{opinion.details}"', ref="second-opinion"),
            Evidence(f"the wire on {opinion.method}: grpc-status {reply.grpc_status}", ref="grpc"),
        ),
        fixes=(fix, again) if fix is not None else (again,),
        confidence=0.7,
    )


def _death(run: Run, opinion: SecondOpinionFacts) -> Finding:
    return Finding(
        RULE,
        message=f"this peer kills grpcio's whole process (signal {opinion.exit_signal})",
        explanation="grpcio up to 1.85 calls abort() on some frames, such as a GOAWAY with a code of 13 or more. "
        "Python, C++, Ruby and PHP clients of this endpoint do not get an error: they die.",
        evidence=(
            Evidence(f"{opinion.client or 'grpcio'}, asked {opinion.method or 'a method'} in a child process, died of "
                     f"signal {opinion.exit_signal}", ref="second-opinion"),
        ),
        fixes=(
            Fix("Mend the peer: the frames that it sends show what it does", command=probe_command(run, "--trace")),
            Fix("Until then: clients in another language, or grpcio in a child process that may die"),
        ),
    )


def _wire_is_clean(run: Run) -> bool:
    """No layer shows a fault of its own: else grpcio's failure is that fault, seen by another witness."""
    tcp, tls, http2 = run.get(TcpFacts), run.get(TlsFacts), run.get(Http2Facts)
    if http2 is None or (http2.first is not None and http2.first.spoken != "h2"):
        return False
    if http2.goaways or http2.violation or (http2.transport == "tls") != run.target.tls:
        return False
    if tcp is not None and (tcp.failed or tcp.proxy_error):
        return False
    if not run.target.tls:
        return True
    return tls is not None and tls.verified is not None and tls.unverified is None and tls.verified.selected == "h2"


def _agree(opinion: SecondOpinionFacts, reply: Reply) -> bool:
    """The wire has no status for this method, so it shows the trouble itself, or it has the same one."""
    return reply.grpc_status is None or name_of(GrpcStatus, reply.grpc_status) == opinion.code
