"""gateway-credential-invalid: the Secret with a server's certificate is there, and it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from shlex import quote
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._credentials import (
    PAIRS,
    Credential,
    chain_of,
    credentials,
    keys_of,
    manager_of,
    moment,
    namespaces_for,
    pair_of,
    secret_of,
    upload_command,
)
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.kinds import SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD608",
    name="gateway-credential-invalid",
    severity=Severity.ERROR,
    title="the certificate in a Gateway's Secret cannot be used",
)
READS = (*ROUTE_KINDS, SECRET)
_SOON: Final = timedelta(days=14)
# pilot/pkg/credentials/kube/secrets.go: its watch leaves these out.
_UNSEEN_TYPES: Final = ("helm.sh/release.v1", "kubernetes.io/service-account-token")
_REFUSED: Final = (
    "The gateway does not take this certificate and cannot answer a TLS handshake: clients get UNAVAILABLE (14), "
    "connection reset or EOF."
)
_DATES: Final = "Clients refuse the certificate: UNAVAILABLE (14), certificate verify failed, on each connection."
_CHAIN: Final = (
    "Clients that verify the chain through this certificate refuse it: UNAVAILABLE (14), certificate verify failed. "
    "Those that know another way to a root do not."
)


@dataclass(frozen=True, slots=True)
class _Fault:
    text: str
    """A clause about the Secret: `has no tls.key`."""
    symptom: str
    severity: Severity = Severity.ERROR


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done = set()
    for credential in credentials(cluster):
        for place in namespaces_for(cluster, credential.use.gateway):
            secret = secret_of(cluster, credential, place)
            if secret is None or credential.is_ca or (credential.key, place) in done:
                continue
            done.add((credential.key, place))
            fault = next(_faults(cluster, secret), None)
            if fault is not None:
                yield _finding(credential, secret, fault)


def _faults(cluster: Cluster, secret: Object) -> Iterator[_Fault]:
    """The worst first."""
    kind, keys, pair = text_at(secret.raw, "type"), keys_of(secret), pair_of(secret)
    if kind in _UNSEEN_TYPES:
        yield _Fault(f"has the type {kind}, which Istio does not read", _REFUSED)
    if keys is not None and pair is None:
        wanted = next((pair for pair in PAIRS if pair[0] in keys or pair[1] in keys), PAIRS[1])
        missing = " and ".join(key for key in wanted if key not in keys)
        yield _Fault(f"has no {missing}", _REFUSED)
    if pair is not None:
        chain = chain_of(secret)
        yield from _broken(chain, pair)
        yield from _dated(cluster, chain)


def _broken(chain: list[dict[str, Any]], pair: tuple[str, str]) -> Iterator[_Fault]:
    for certificate in chain[:1]:
        if text_at(certificate, "error"):
            yield _Fault(f"has an unusable {pair[0]}: {text_at(certificate, 'error')}", _REFUSED)
        if text_at(certificate, "key_error"):
            yield _Fault(f"has an unusable private key, {text_at(certificate, 'key_error')}", _REFUSED)
        if certificate.get("key_match") is False:
            yield _Fault(f"has a {pair[1]} that is not the key of its {pair[0]}", _REFUSED)


def _dated(cluster: Cluster, chain: list[dict[str, Any]]) -> Iterator[_Fault]:
    now = moment(cluster.read_at)
    if now is None:
        return
    for index, certificate in enumerate(chain):
        begins, ends = (moment(text_at(certificate, name)) for name in ("not_before", "not_after"))
        which = "certificate" if index == 0 else "intermediate certificate"
        severity, effect = (Severity.ERROR, _DATES) if index == 0 else (Severity.WARNING, _CHAIN)
        if ends is not None and ends <= now:
            yield _Fault(f"has an expired {which} ({ends:%Y-%m-%d})", effect, severity)
        elif begins is not None and begins > now:
            yield _Fault(f"has a certificate not valid before {begins:%Y-%m-%d %H:%M} UTC", effect, severity)
    for certificate in chain[:1]:
        ends = moment(text_at(certificate, "not_after"))
        if ends is not None and now < ends < now + _SOON:
            text = f"has a certificate that expires on {ends:%Y-%m-%d %H:%M} UTC, in {(ends - now).days} days"
            yield _Fault(text, f"From then on: {_DATES}", Severity.WARNING)


def _finding(credential: Credential, secret: Object, fault: _Fault) -> Conclusion:
    use = credential.use
    milder = Severity.WARNING in (fault.severity, use.severity)
    return about(
        RULE,
        use.gateway,
        credential.path,
        f"{use.title}: {secret.title} {fault.text}",
        symptom=fault.symptom,
        evidence=(seen(secret, (), f"{secret.title} {fault.text}"), *use.proof),
        fixes=tuple(_fixes(secret)),
        related=(secret, *use.related),
        severity=Severity.WARNING if milder else Severity.ERROR,
    )


def _fixes(secret: Object) -> Iterator[Fix]:
    owner = manager_of(secret)
    if owner:
        command = f"kubectl -n {quote(secret.namespace)} describe certificate {quote(owner)}"
        yield Fix(f"See what cert-manager says about Certificate {owner}, and renew it: cmctl renew {owner}", command)
    yield Fix(f"Put a valid certificate, with its chain and its key, into {secret.title}",
              command=upload_command(secret.namespace, secret.name))  # fmt: skip
