"""gateway-certificate-shared: one certificate for servers that are apart, so that clients mix up their connections."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    credentials_of,
    fits,
    leaf_of,
    names_of,
    namespaces_for,
    secret_of,
)
from grpcdoctor.checks.gateways._istio import Use, slots
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import texts_at
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD624",
    name="gateway-certificate-shared",
    severity=Severity.WARNING,
    title="one certificate covers hosts of several Gateway servers on one port",
)
READS = (*ROUTE_KINDS, SECRET)
_Certificate = tuple[tuple[str, ...], str]
"""(its names, the Secret as namespace/name)."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for slot in slots(cluster):
        shown = {id(use): _certificates(cluster, use) for use in slot if use.server.terminates_tls}
        secrets: dict[str, list[Use]] = {}
        names: dict[str, list[Use]] = {}
        for use in slot:
            for each, secret in shown.get(id(use), ()):
                secrets.setdefault(secret, []).append(use)
                for name in each:
                    names.setdefault(name, []).append(use)
        for use in slot:
            found = next(_strangers(use, shown.get(id(use), []), secrets, names), None)
            if found is not None and use.server.protocol is Protocol.HTTPS:
                yield _finding(use, *found)
                break


def _certificates(cluster: Cluster, use: Use) -> list[_Certificate]:
    found: list[_Certificate] = []
    for credential in credentials_of(use):
        for place in namespaces_for(cluster, use.gateway)[:1]:
            secret = secret_of(cluster, credential, place)
            leaf = leaf_of(secret) if secret is not None else None
            if not credential.is_ca:
                found.append((names_of(leaf) if leaf else (), f"{place}/{credential.name}"))
    return found


def _strangers(
    use: Use, own: list[_Certificate], secrets: dict[str, list[Use]], names: dict[str, list[Use]]
) -> Iterator[tuple[str, Use]]:
    """(a host for gRPC of this server, another server whose certificate is for it and that has no routes for it)."""
    for virtual in use.grpc:
        for host in virtual.hosts:
            met = use.server.host_for(host, virtual.object.namespace)
            if met is None or met == "*":
                continue
            _, _, rest = met.partition(".")
            covering = [*names.get(met, ()), *names.get(f"*.{rest}", ())]
            covering += [
                other for known, secret in own if not known or fits(known, met) for other in secrets.get(secret, ())
            ]
            for other in covering:
                served = virtual in other.virtuals and other.server.host_for(met, virtual.object.namespace)
                if other is not use and not served and other.server.protocol is Protocol.HTTPS:
                    yield met, other


def _finding(use: Use, host: str, other: Use) -> Conclusion:
    browsers = any(_is_for_browsers(each) for each in (use, other))
    path = (*other.server.path, "tls")
    credential = "credentialName" if other.server.tls.get("credentialName") else "credentialNames"
    where = "another server" if other.gateway is use.gateway else other.gateway.title
    return about(
        RULE,
        use.gateway,
        (*use.server.path, "hosts"),
        f"{use.title} serves {host}, which the certificate of {where} covers, too",
        symptom="HTTP/2 clients that find one certificate for two hosts at one address (browsers, so gRPC-Web; some "
        "proxies) send both over one connection. Calls then reach the wrong server now and then: 404, "
        "UNIMPLEMENTED (12). Native gRPC clients keep a connection for each host.",
        evidence=(seen(other.gateway, (*path, credential)), *use.proof),
        fixes=(_merged(use, other, host),),
        related=(other.gateway, *use.related),
        severity=None if browsers else Severity.INFO,
        confidence=0.8,
    )


def _is_for_browsers(use: Use) -> bool:
    """A route answers CORS requests, which only browsers make."""
    return any(route.raw.get("corsPolicy") for virtual in use.virtuals for route in virtual.http)


def _merged(use: Use, other: Use, host: str) -> Fix:
    """One server for both, where that is a change of one object."""
    first, second = sorted((use.server, other.server), key=lambda server: server.index)
    if use.gateway is other.gateway and first.tls == second.tls:
        hosts = dict.fromkeys((*texts_at(first.raw, "hosts"), *texts_at(second.raw, "hosts")))
        edit = Edit(use.gateway).set((*first.path, "hosts"), list(hosts)).remove(second.path)
        return edit.fix(f"Make one server of the two, with all their hosts ({first.port_name}, {second.port_name})")
    return Fix(
        f"Use a certificate of its own for {host}; or move {host} to {other.gateway.title}, into the same server, and "
        f"have the routes name that Gateway"
    )
