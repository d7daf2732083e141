"""gateway-mutual-without-ca: a server asks for client certificates, and has no CA to verify them with."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    CA_KEYS,
    CA_SUFFIX,
    Credential,
    credentials_of,
    keys_of,
    namespaces_for,
    secret_of,
)
from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD620",
    name="gateway-mutual-without-ca",
    severity=Severity.ERROR,
    title="a Gateway asks for client certificates, and has no CA for them",
)
READS = (*ROUTE_KINDS, SECRET)
_MODES = ("MUTUAL", "OPTIONAL_MUTUAL")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for use in uses(cluster):
        tls = use.server.tls
        if use.severity is None or use.server.tls_mode not in _MODES or text_at(tls, "caCertCredentialName"):
            continue
        named = next((each for each in credentials_of(use) if not each.is_ca), None)
        if named is None:
            if text_at(tls, "serverCertificate") and not text_at(tls, "caCertificates"):
                yield _of_files(use)
            continue
        for place in namespaces_for(cluster, use.gateway)[:1]:
            secret = secret_of(cluster, named, place)
            if secret is not None:
                yield from _judge(cluster, named, secret, place)


def _judge(cluster: Cluster, named: Credential, secret: Object, place: str) -> Iterator[Conclusion]:
    own = keys_of(secret)
    beside_name = f"{named.name.removesuffix(CA_SUFFIX)}{CA_SUFFIX}"
    beside = cluster.get(SECRET, place, beside_name)
    if own is None or any(key in own for key in CA_KEYS):
        return
    if beside is None:
        if cluster.knows(SECRET, place, beside_name):
            yield _finding(named, secret, f"there is no Secret {beside_name}", place, beside_name)
        return
    keys = keys_of(beside)
    if keys is not None and not any(key in keys for key in CA_KEYS):
        yield _finding(named, secret, f"{beside_name} has no cacert either", place, beside_name)


def _finding(named: Credential, secret: Object, clause: str, place: str, beside: str) -> Conclusion:
    use = named.use
    command = f"kubectl -n {quote(place)} create secret generic {quote(beside)} --from-file=cacert=ca.pem"
    if "either" in clause:
        command += " --dry-run=client -o yaml | kubectl apply -f -"
    return about(
        RULE,
        use.gateway,
        (*use.server.path, "tls", "mode"),
        f"{use.title} is {use.server.tls_mode}; Secret {secret.name} has no ca.crt, and {clause}",
        symptom="The gateway waits for a CA to verify clients with, and cannot answer a TLS handshake till then: "
        "clients get UNAVAILABLE (14), connection reset or EOF, with and without a certificate.",
        evidence=(seen(secret, ("keys",)), *use.proof),
        fixes=(Fix(f"Put the CA of the clients' certificates into Secret {place}/{beside}", command), _off(use)),
        related=(secret, *use.related),
        severity=use.severity,
    )


def _of_files(use: Use) -> Conclusion:
    path = (*use.server.path, "tls", "caCertificates")
    edit = Edit(use.gateway).set(path, "/etc/istio/ingressgateway-ca-certs/ca-chain.cert.pem")
    return about(
        RULE,
        use.gateway,
        path,
        f"{use.title} has the mode {use.server.tls_mode}, and no caCertificates",
        symptom="Istio's webhook refuses this Gateway (MUTUAL TLS requires a client CA bundle). Without it clients get "
        "UNAVAILABLE (14): nothing listens, or the TLS handshake fails.",
        evidence=use.proof,
        fixes=(edit.fix("Name the file with the CA of the clients' certificates (as it is mounted)"), _off(use)),
        related=use.related,
        severity=use.severity,
    )


def _off(use: Use) -> Fix:
    edit = Edit(use.gateway).set((*use.server.path, "tls", "mode"), "SIMPLE")
    return edit.fix("Or ask for no client certificates, if none are needed")
