"""proxy-tunnel-refused: an HTTP CONNECT proxy from the environment stands in between and opens no tunnel."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD110",
    name="proxy-tunnel-refused",
    severity=Severity.ERROR,
    title="the HTTP proxy opens no tunnel",
)
NEEDS = (TcpFacts,)

# The status code in the proxy's answer to CONNECT -> what to change (RFC 9110 §9.3.6, §15).
_BY_STATUS = {
    "403": "ask for CONNECT to this host and port: the proxy's policy forbids it (many allow only port 443)",
    "405": "ask for CONNECT to be allowed: this proxy forwards plain HTTP only",
    "407": "put user name and password into the variable: http://USER:PASSWORD@PROXY:PORT",
    "502": "the proxy cannot reach the host: its DNS or its firewall is what to look at",
    "503": "the proxy cannot reach the host: its DNS or its firewall is what to look at",
    "504": "the proxy gets no answer from the host: its firewall, or the host, is what to look at",
}


def check(run: Run) -> Iterator[Conclusion]:
    tcp = run.get(TcpFacts)
    if tcp is None or tcp.proxy_error is None:
        return
    variable = tcp.proxy_variable or "the environment"
    yield Finding(
        RULE,
        message=f"the proxy from {variable} opens no tunnel to {run.target.host}",
        explanation=f"gRPC clients started in the same environment honour {variable} as well and fail the same way. "
        "The endpoint itself was not reached, so nothing is known about it.",
        evidence=(
            Evidence(f"{variable} names {tcp.proxy or 'no usable proxy'}", ref="tcp"),
            Evidence(f"CONNECT {run.target.endpoint}: {tcp.proxy_error}", ref="tcp"),
        ),
        fixes=_fixes(run, tcp),
    )


def _fixes(run: Run, tcp: TcpFacts) -> tuple[Fix, ...]:
    host = quote(run.target.dial_host)
    around = Fix(
        "probe without the proxy, to see whether the endpoint is reachable directly",
        command=f"no_grpc_proxy={host} {probe_command(run)}",
    )
    exempt = Fix(
        "if it is, exempt the host for every gRPC client (gRFC A1: C-core reads no_grpc_proxy first)",
        command=f"export no_grpc_proxy={host} no_proxy={host}",
    )
    words = (tcp.proxy_error or "").split(" ")
    told = _BY_STATUS.get(words[1]) if len(words) > 1 and words[0].startswith("HTTP/") else None
    return (*(Fix(text) for text in (told,) if text), around, exempt)
