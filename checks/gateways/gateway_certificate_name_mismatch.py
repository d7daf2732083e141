"""gateway-certificate-name-mismatch: the certificate of a server is not for a host that gRPC clients dial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from shlex import quote
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    Credential,
    credentials_of,
    fits,
    leaf_of,
    manager_of,
    names_of,
    namespaces_for,
    secret_of,
    upload_command,
)
from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.istio.hosts import service_name_of
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD609",
    name="gateway-certificate-name-mismatch",
    severity=Severity.ERROR,
    title="the certificate of a Gateway is not for a host that it serves",
)
READS = (*ROUTE_KINDS, SECRET)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        if use.severity is not None and use.server.terminates_tls:
            for place in namespaces_for(cluster, use.gateway):
                found = [
                    (credential, secret)
                    for credential in credentials_of(use)
                    if not credential.is_ca and (secret := secret_of(cluster, credential, place)) is not None
                ]
                yield from _judge(use, found)


def _judge(use: Use, found: list[tuple[Credential, Object]]) -> Iterator[Conclusion]:
    leaves = [leaf_of(secret) for _, secret in found]
    known = [leaf for leaf in leaves if leaf is not None]
    if not known or len(known) < len(leaves):
        return
    unfit = [host for host in _hosts(use) if not any(_is_for(names_of(leaf), host) for leaf in known)]
    if unfit:
        yield _finding(use, *found[0], known[0], unfit)


def _hosts(use: Use) -> list[str]:
    """The hosts that clients dial here: those of the routes for gRPC; without any in sight, those of the server."""
    written = [host for _, host in use.server.hosts if "*" not in host]
    if not use.grpc:
        return written
    found: dict[str, None] = {}
    for virtual in use.grpc:
        for host in virtual.hosts:
            met = use.server.host_for(host, virtual.object.namespace)
            inside = virtual.in_mesh or service_name_of(host) is not None  # at a server for all hosts: for the mesh
            if host == "*":
                found.update(dict.fromkeys(written))
            elif met and met != "*" and (met in written or not inside):
                found[met] = None
    return list(found)


def _is_for(names: tuple[str, ...], host: str) -> bool:
    """For a wildcard any name below it will do: clients may dial just that one."""
    return fits(names, host) or (host.startswith("*.") and any(name.endswith(host[1:]) for name in names))


def _finding(use: Use, credential: Credential, secret: Object, leaf: dict[str, Any], unfit: list[str]) -> Conclusion:
    names = names_of(leaf)
    shown = f"for {', '.join(names[:3])}{' …' if len(names) > 3 else ''}" if names else "for no name (no SAN)"
    return about(
        RULE,
        use.gateway,
        credential.path,
        f"{use.title} serves {unfit[0]}, and {secret.title} is {shown}",
        symptom="Clients compare the name that they dial with the certificate's subject alternative names, and hang "
        "up: UNAVAILABLE (14), certificate verify failed (hostname mismatch).",
        evidence=(
            seen(secret, (), f"{secret.title} has a certificate {shown}"),
            seen(use.gateway, (*use.server.path, "hosts")),
            *use.proof,
        ),
        fixes=tuple(_fixes(secret, unfit)),
        related=(secret, *use.related),
        severity=use.severity,
    )


def _fixes(secret: Object, unfit: list[str]) -> Iterator[Fix]:
    owner, hosts = manager_of(secret), ", ".join(unfit)
    if owner:
        patch = json.dumps([{"op": "add", "path": "/spec/dnsNames/-", "value": host} for host in unfit])
        command = f"kubectl -n {quote(secret.namespace)} patch certificate {quote(owner)} --type=json -p {quote(patch)}"
        yield Fix(f"Add {hosts} to cert-manager's Certificate {owner}", command=command)
        return
    words = f"Have a certificate issued that is for {hosts}, and put it into {secret.title}"
    yield Fix(words, command=upload_command(secret.namespace, secret.name))
