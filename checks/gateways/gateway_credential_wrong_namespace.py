"""gateway-credential-wrong-namespace: the Secret exists, and not in the namespace of the gateway's pods."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    Credential,
    credentials,
    namespaces_for,
    secret_of,
    secrets_named,
)
from grpcdoctor.cluster.istio.gateways import pods_of
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD607",
    name="gateway-credential-wrong-namespace",
    severity=Severity.ERROR,
    title="the Secret with a Gateway's certificate is not in the namespace of the gateway's pods",
    explains=("gateway-mutual-without-ca",),
)
READS = (*ROUTE_KINDS, SECRET)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done = set()
    for credential in credentials(cluster):
        if credential.key in done:
            continue
        done.add(credential.key)
        places = namespaces_for(cluster, credential.use.gateway)
        absent = [place for place in places if secret_of(cluster, credential, place) is None]
        elsewhere = [secret for secret in secrets_named(cluster, credential.name) if secret.namespace not in absent]
        if credential.namespace:
            elsewhere = [secret for secret in elsewhere if secret.namespace == credential.namespace]
        if not absent or not elsewhere:
            continue
        secret = next((s for s in elsewhere if s.namespace == credential.use.gateway.namespace), elsewhere[0])
        confidence = _confidence(cluster, credential, absent, secret)
        if confidence:
            mild = len(absent) < len(places)  # some of the pods have it
            yield _finding(credential, absent[0], secret, confidence, mild)


def _confidence(cluster: Cluster, credential: Credential, absent: list[str], secret: Object) -> float:
    """0 where the Secret may lie where it belongs, or be there as well."""
    known = all(cluster.knows(SECRET, place, credential.name) for place in absent) or bool(credential.namespace)
    if pods_of(cluster, credential.use.gateway):
        return 1.0 if known else 0.8
    # Where the pods run is not shown: hardly beside an application.
    return 0.7 if secret.namespace in cluster.once(_of_applications) else 0.0


def _of_applications(cluster: Cluster) -> frozenset[str]:
    """The namespaces with Services that are no gateway's."""
    gateways = ("ingress", "egress", "gateway")
    return frozenset(s.namespace for s in services(cluster) if not any(word in s.name for word in gateways))


def _finding(credential: Credential, place: str, secret: Object, confidence: float, mild: bool) -> Conclusion:
    use, gateway = credential.use, credential.use.gateway
    return about(
        RULE,
        gateway,
        credential.path,
        f"{use.title} needs {secret.title} in {place}, where the gateway's pods run",
        symptom=f"Istio takes a Gateway's Secrets from the namespace of its pods ({place}) alone. The gateway "
        "cannot answer a TLS handshake and hangs up: clients get UNAVAILABLE (14), connection reset or EOF.",
        evidence=(seen(secret, (), f"{secret.title} exists; {place}/{credential.name} does not"), *use.proof),
        fixes=tuple(_fixes(credential, place, secret)),
        related=(secret, *use.related),
        severity=Severity.WARNING if mild else use.severity,
        confidence=confidence,
    )


def _fixes(credential: Credential, place: str, secret: Object) -> Iterator[Fix]:
    strip = "del(.metadata.uid, .metadata.resourceVersion, .metadata.creationTimestamp, .metadata.ownerReferences)"
    command = (
        f"kubectl -n {quote(secret.namespace)} get secret {quote(secret.name)} -o json | "
        f"""jq '{strip} | .metadata.namespace = "{place}"' | kubectl apply -f -"""
    )
    owner = secret.annotations.get("cert-manager.io/certificate-name", "")
    if owner:
        words = f"Create cert-manager's Certificate {owner} in {place} (a copy is not renewed), or copy the Secret"
        yield Fix(words, command=command)
    else:
        yield Fix(f"Copy the Secret to {place}", command=command)
