"""gateway-credential-missing: a server's certificate is in a Secret that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    CA_SUFFIX,
    Credential,
    credentials,
    namespaces_for,
    secret_of,
    secrets_named,
    upload_command,
)
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD606",
    name="gateway-credential-missing",
    severity=Severity.ERROR,
    title="the Secret with a Gateway's certificate does not exist",
    explains=("gateway-mutual-without-ca",),
)
READS = (*ROUTE_KINDS, SECRET)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done = set()
    for credential in credentials(cluster):
        if credential.key in done or credential.namespace:
            continue
        done.add(credential.key)
        places = namespaces_for(cluster, credential.use.gateway)
        absent = [place for place in places if secret_of(cluster, credential, place) is None]
        if not absent or secrets_named(cluster, credential.name):
            continue  # in another namespace: gateway-credential-wrong-namespace
        near = slip_among(credential.name, (secret.name for secret in cluster.in_namespace(SECRET, absent[0])))
        known = all(cluster.knows(SECRET, place, credential.name) for place in absent)
        if known or near is not None:
            yield _finding(credential, absent[0], near, known)


def _finding(credential: Credential, place: str, near: str | None, known: bool) -> Conclusion:
    use, name = credential.use, credential.name
    hint = f"; {near} is" if near else ""
    what = "its clients' CA" if credential.is_ca else "its certificate"
    return about(
        RULE,
        use.gateway,
        credential.path,
        f"{use.title} needs {what} from Secret {place}/{name}, which is not there{hint}",
        symptom="Without it the gateway cannot answer a TLS handshake and hangs up: clients get UNAVAILABLE (14), "
        "connection reset or EOF in the handshake.",
        evidence=(seen(use.gateway, use.server.path, f"Istio looks in {place}, where the pods run"), *use.proof),
        fixes=tuple(_fixes(credential, place, near)),
        related=use.related,
        severity=use.severity,
        confidence=1.0 if known else 0.75,
    )


def _fixes(credential: Credential, place: str, near: str | None) -> Iterator[Fix]:
    if near is not None:
        yield Edit(credential.use.gateway).set(credential.path, near).fix(f'Use the Secret "{near}" that is there')
    name = credential.name
    if credential.is_ca or name.endswith(CA_SUFFIX):
        command = f"kubectl -n {quote(place)} create secret generic {quote(name)} --from-file=cacert=ca.pem"
        yield Fix(f"Create the Secret {place}/{name} with the CA's certificate", command=command)
    else:
        yield Fix(f"Create the Secret {place}/{name}", command=upload_command(place, name))
