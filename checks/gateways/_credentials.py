"""The Secrets that an Istio Gateway's server names: where Istio looks for them, and what is in them.

Source: istio pilot/pkg/model/credentials/resource.go, pilot/pkg/xds/sds.go, pilot/pkg/credentials/kube/secrets.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from shlex import quote
from typing import Any, Final

from grpcdoctor.checks.gateways._istio import Use, uses
from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, text_at
from grpcdoctor.cluster.istio.gateways import namespaces_of, pods_of, selector_of
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.kinds import POD, SECRET
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster

PAIRS: Final = (("cert", "key"), ("tls.crt", "tls.key"))
"""Istio takes the first pair that is whole."""
CA_KEYS: Final = ("cacert", "ca.crt")
CA_SUFFIX: Final = "-cacert"
_TERMINATED: Final = (Protocol.HTTPS, Protocol.TLS)


@dataclass(frozen=True, eq=False)
class Credential:
    """One Secret that a server names."""

    use: Use
    path: FieldPath
    """Leads to the name."""
    name: str
    namespace: str
    """As written in front of the name; mostly empty."""
    is_ca: bool = False

    @property
    def key(self) -> tuple[int, str, str]:
        return id(self.use.gateway), self.namespace, self.name


def credentials(cluster: Cluster) -> tuple[Credential, ...]:
    """Of every server that ends TLS, where somebody might miss it and its pods may be there."""
    return cluster.once(_credentials)


def credentials_of(use: Use) -> Iterator[Credential]:
    server = use.server
    if not server.terminates_tls or server.protocol not in _TERMINATED or server.tls_mode == "ISTIO_MUTUAL":
        return
    base = (*server.path, "tls")
    names: list[tuple[FieldPath, Any, bool]] = [
        ((*base, "credentialNames", index), name, False)
        for index, name in enumerate(items_at(server.tls, "credentialNames"))
    ]
    if not names:
        names.append(((*base, "credentialName"), text_at(server.tls, "credentialName"), False))
    if server.tls_mode.endswith("MUTUAL"):
        names.append(((*base, "caCertCredentialName"), text_at(server.tls, "caCertCredentialName"), True))
    for path, written, is_ca in names:
        parsed = _parsed(written) if isinstance(written, str) else None
        if parsed is not None:
            yield Credential(use, path, parsed[1], parsed[0], is_ca)


def namespaces_for(cluster: Cluster, gateway: Object) -> tuple[str, ...]:
    """Where Istio looks: beside the gateway's pods; nowhere where it has none."""
    if not pods_of(cluster, gateway) and selector_of(gateway) and cluster.has_all(POD):
        return ()
    return namespaces_of(cluster, gateway)


def secret_of(cluster: Cluster, credential: Credential, namespace: str) -> Object | None:
    """The Secret that Istio takes for pods in this namespace."""
    if credential.namespace and credential.namespace != namespace:
        return None
    return cluster.get(SECRET, namespace, credential.name)


def secrets_named(cluster: Cluster, name: str) -> tuple[Object, ...]:
    return tuple(cluster.once(_by_name).get(name, ()))


def keys_of(secret: Object) -> tuple[str, ...] | None:
    """The names in its data; None where they were not read."""
    found = secret.raw.get("keys")
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else None


def pair_of(secret: Object) -> tuple[str, str] | None:
    """The keys of the certificate and its private key."""
    keys = keys_of(secret) or ()
    return next((pair for pair in PAIRS if pair[0] in keys and pair[1] in keys), None)


def chain_of(secret: Object) -> list[dict[str, Any]]:
    """What is known of the certificates that the gateway serves, the leaf first."""
    pair = pair_of(secret)
    found = items_at(mapping_at(secret.raw, "certificates"), pair[0]) if pair is not None else []
    return [each for each in found if isinstance(each, dict)]


def leaf_of(secret: Object) -> dict[str, Any] | None:
    """The certificate itself; None where it could not be read."""
    chain = chain_of(secret)
    return chain[0] if chain and not chain[0].get("error") and text_at(chain[0], "not_after") else None


def names_of(certificate: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name.lower() for name in items_at(certificate, "names") if isinstance(name, str))


def moment(text: str) -> datetime | None:
    """RFC 3339, with `Z` or an offset."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def fits(names: tuple[str, ...], host: str) -> bool:
    """Whether one of a certificate's names is for this host, or for this wildcard (RFC 9525 §6: one label)."""
    if host in names:
        return True
    _, dot, rest = host.partition(".")
    return bool(dot) and f"*.{rest}" in names


def upload_command(namespace: str, name: str) -> str:
    """Puts a certificate and its key into a Secret, whether it is there or not."""
    return (
        f"kubectl -n {quote(namespace)} create secret tls {quote(name)} --cert=fullchain.pem --key=key.pem "
        "--dry-run=client -o yaml | kubectl apply -f -"
    )


def manager_of(secret: Object) -> str:
    """The cert-manager Certificate that keeps this Secret; empty where there is none."""
    return secret.annotations.get("cert-manager.io/certificate-name", "")


def _credentials(cluster: Cluster) -> tuple[Credential, ...]:
    return tuple(
        credential
        for use in uses(cluster)
        if use.severity is not None
        for credential in credentials_of(use)
    )


def _parsed(written: str) -> tuple[str, str] | None:
    """(namespace or empty, name); None for what is no Secret of the cluster's: a file, an SDS server."""
    scheme, separator, rest = written.rpartition("://")
    if not rest or scheme not in ("", "kubernetes") or (separator and not scheme):
        return None
    namespace, slash, name = rest.partition("/")
    name, namespace = (name, namespace) if slash else (namespace, "")
    return (namespace, name) if name and "/" not in name else None


def _by_name(cluster: Cluster) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for secret in cluster.all(SECRET):
        found.setdefault(secret.name, []).append(secret)
    return found
