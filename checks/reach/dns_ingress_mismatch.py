"""dns-ingress-mismatch: DNS sends clients to other addresses than those of the cluster's entrance."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts
from grpcdoctor.model.facts.reach import DnsFacts, IngressFacts, TcpFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix, Source, Subject
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import is_address, join_host_port

RULE = Rule(
    code="GD105",
    name="dns-ingress-mismatch",
    severity=Severity.ERROR,
    title="DNS points past the cluster's entrance",
    explains=("tcp-refused", "tcp-timeout", "tcp-unreachable", "address-partly-down"),
)
NEEDS = (DnsFacts, IngressFacts, TcpFacts, GrpcFacts, HealthFacts, CallFacts)

_ELSEWHERE: Final = "another entrance, an old cluster, or a proxy such as a CDN in front of this one"


def check(run: Run) -> Iterator[Conclusion]:
    dns, ingress = run.get(DnsFacts), run.get(IngressFacts)
    if dns is None or ingress is None or dns.literal or not dns.addresses or ingress.pending:
        return
    entrance = {
        _normal(address)
        for address in (*ingress.resolved_addresses, *ingress.addresses, *ingress.external_addresses)
        if is_address(address)
    }
    strangers = [address for address in dns.addresses if _normal(address) not in entrance]
    if not entrance or not strangers or _behind_nat(strangers, entrance):
        return
    severity, confidence = _weight(run, all_strange=len(strangers) == len(dns.addresses))
    yield Finding(
        RULE,
        message=_message(dns, strangers),
        explanation=f"Clients connect where DNS sends them, so they reach {_ELSEWHERE}.",
        evidence=(
            Evidence(f"DNS: {dns.host} is {', '.join(dns.addresses)}", ref="dns"),
            Evidence(f"its addresses are {', '.join(sorted(entrance))}", Source.CLUSTER, _object(ingress)),
        ),
        fixes=_fixes(run, dns, entrance),
        severity=severity,
        confidence=confidence,
        subject=Subject(kind=ingress.object_kind, namespace=ingress.namespace, name=ingress.name),
    )


def _message(dns: DnsFacts, strangers: list[str]) -> str:
    if len(strangers) == len(dns.addresses):
        return f"DNS sends {dns.host} elsewhere than to this cluster's entrance"
    return f"{len(strangers)} of {len(dns.addresses)} addresses in DNS are not this cluster's"


def _weight(run: Run, all_strange: bool) -> tuple[Severity | None, float]:
    """A CDN in front is a healthy reason to differ: how much it matters, the endpoint's own answers decide."""
    tcp = run.get(TcpFacts)
    if _speaks_grpc(run) and not (tcp is not None and tcp.failed):
        return Severity.INFO, 1.0
    if tcp is not None and tcp.connected:
        return Severity.WARNING, 0.6
    return (None, 0.8) if all_strange else (Severity.WARNING, 0.8)


def _speaks_grpc(run: Run) -> bool:
    known, health, call = run.get(GrpcFacts), run.get(HealthFacts), run.get(CallFacts)
    replies = (
        known.reply if known is not None else None,
        health.check if health is not None else None,
        call.reply if call is not None else None,
    )
    return any(reply is not None and reply.is_grpc for reply in replies)


def _behind_nat(strangers: list[str], entrance: set[str]) -> bool:
    """Public addresses in DNS and private ones in the cluster (or the reverse) may well be two sides of one NAT."""
    return not {ip_address(_normal(a)).is_private for a in strangers} & {ip_address(a).is_private for a in entrance}


def _normal(address: str) -> str:
    return str(ip_address(address.split("%", 1)[0])) if is_address(address) else address


def _object(ingress: IngressFacts) -> str:
    return f"{ingress.object_kind} {ingress.namespace}/{ingress.name}"


def _fixes(run: Run, dns: DnsFacts, entrance: set[str]) -> tuple[Fix, ...]:
    best = min(entrance, key=lambda address: (":" in address, address))
    return (
        Fix(
            "see whether the cluster's entrance answers for this host",
            command=probe_command(run, "--connect-to", join_host_port(best, run.target.port)),
        ),
        Fix(f"if it does, point the DNS record of {dns.host} at {best} (external-dns does it from the objects)"),
    )
