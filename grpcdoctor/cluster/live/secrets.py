"""Secrets: which ones the gateways refer to, and the part of one that may be kept: names, and public certificates."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

from grpcdoctor.cluster.fields import mapping_at, mappings_at, string_map, text_at, texts_at
from grpcdoctor.cluster.kinds import (
    CONTOUR_HTTP_PROXY,
    GATEWAY,
    INGRESS,
    ISTIO_GATEWAY,
    NGINX_VIRTUAL_SERVER,
    TRAEFIK_INGRESS_ROUTE,
    Kind,
)
from grpcdoctor.cluster.live.pem import certificates_in, key_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import DEFAULT_ROOT_NAMESPACE, Cluster
from grpcdoctor.cluster.workloads import workloads

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
CERTIFICATE_KEYS: Final = ("tls.crt", "cert", "ca.crt", "cacert")
"""kubernetes.io/tls has tls.crt; Istio reads cert and cacert as well."""
# The private key of a leaf, in the same Secret.
_KEY_OF_LEAF: Final = {"tls.crt": "tls.key", "cert": "key"}
_METADATA: Final = ("name", "namespace", "labels", "creationTimestamp", "deletionTimestamp")
_KEPT_ANNOTATIONS: Final = ("cert-manager.io/",)

GATEWAY_KINDS: Final[tuple[Kind, ...]] = (
    ISTIO_GATEWAY, GATEWAY, INGRESS, CONTOUR_HTTP_PROXY, TRAEFIK_INGRESS_ROUTE, NGINX_VIRTUAL_SERVER,
)  # fmt: skip
"""The kinds that name Secrets of certificates."""
_Name = tuple[str, str]


def public_part(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a Secret, from the API and from manifests alike. No value of it, whole or in part, is in here.

    `keys` are the names in its data. `certificates` has, by key, what `certificates_in` says of each certificate; the
    first one also has `key_match`: whether the private key beside it is its own (None: there is none to compare).
    """
    metadata = {key: value for key, value in mapping_at(raw, "metadata").items() if key in _METADATA}
    annotations = {
        key: value
        for key, value in string_map(raw, "metadata", "annotations").items()
        if key.startswith(_KEPT_ANNOTATIONS)
    }
    kept: dict[str, Any] = {
        "apiVersion": text_at(raw, "apiVersion") or "v1",
        "kind": "Secret",
        "metadata": {**metadata, "annotations": annotations} if annotations else metadata,
        "type": text_at(raw, "type") or "Opaque",
    }
    names = {*mapping_at(raw, "data"), *mapping_at(raw, "stringData")}
    kept["keys"] = sorted(str(name) for name in names)
    kept["certificates"] = {name: _certificates(raw, name) for name in CERTIFICATE_KEYS if name in names}
    return kept


def _certificates(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = _value(raw, name)
    found: list[dict[str, Any]] = certificates_in(value) if value is not None else [{"error": "not base64"}]
    key_name = _KEY_OF_LEAF.get(name, "")
    if key_name and (key_name in mapping_at(raw, "data") or key_name in mapping_at(raw, "stringData")):
        key = _value(raw, key_name)
        match, error = key_of(value or b"", key) if key is not None else (None, "not base64")
        found[0] = {**found[0], "key_match": match, "key_error": f"{key_name}: {error}" if error else None}
    return [{**_NOTHING, **each} for each in found]


_NOTHING: Final[dict[str, Any]] = {
    "subject": "", "issuer": "", "names": [], "not_before": "", "not_after": "", "fingerprint": "",
    "key_match": None, "key_error": None, "error": None,
}  # fmt: skip


def _value(raw: Mapping[str, Any], name: str) -> bytes | None:
    """One value; None where it is no base64. `stringData` is as written and wins, as the API server has it."""
    if name in mapping_at(raw, "stringData"):
        return text_at(raw, "stringData", name).encode()
    try:
        return base64.b64decode("".join(text_at(raw, "data", name).split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def referred_secrets(cluster: Cluster) -> set[_Name]:
    """(namespace, name) of every Secret that a gateway or an Ingress takes a certificate from."""
    found: set[_Name] = set()
    for kind in GATEWAY_KINDS:
        for item in cluster.all(kind):
            names = _istio(item, cluster) if kind is ISTIO_GATEWAY else _REFERENCES[kind](item)
            found.update((namespace, name) for namespace, name in names if namespace and name)
    return found


def _istio(item: Object, cluster: Cluster) -> Iterator[_Name]:
    """Envoy's own namespace is where Istio looks; the others show a Secret that lies where it is not looked for."""
    pods = workloads(cluster).select_anywhere(string_map(item.spec, "selector"))
    namespaces = {item.namespace, DEFAULT_ROOT_NAMESPACE, *(pod.namespace for pod in pods)}
    for _, server in mappings_at(item.spec, "servers"):
        tls = mapping_at(server, "tls")
        for credential in (text_at(tls, "credentialName"), *texts_at(tls, "credentialNames")):
            scheme, _, rest = credential.rpartition("://")
            if scheme not in ("", "kubernetes", "kubernetes-gateway"):  # a file, or an SDS server
                continue
            named, slash, name = rest.rpartition("/")
            for namespace in (named,) if slash else namespaces:
                yield namespace, name
                if text_at(tls, "mode").endswith("MUTUAL"):  # the CA may lie in a Secret of its own
                    yield namespace, f"{name.removesuffix('-cacert')}-cacert"


def _gateway_api(item: Object) -> Iterator[_Name]:
    for _, listener in mappings_at(item.spec, "listeners"):
        for _, reference in mappings_at(listener, "tls", "certificateRefs"):
            if text_at(reference, "group") == "" and (text_at(reference, "kind") or "Secret") == "Secret":
                yield text_at(reference, "namespace") or item.namespace, text_at(reference, "name")


def _ingress(item: Object) -> Iterator[_Name]:
    for _, tls in mappings_at(item.spec, "tls"):
        yield item.namespace, text_at(tls, "secretName")


def _contour(item: Object) -> Iterator[_Name]:
    namespace, _, name = text_at(item.spec, "virtualhost", "tls", "secretName").rpartition("/")
    yield namespace or item.namespace, name


def _traefik(item: Object) -> Iterator[_Name]:
    yield item.namespace, text_at(item.spec, "tls", "secretName")


def _nginx(item: Object) -> Iterator[_Name]:
    yield item.namespace, text_at(item.spec, "tls", "secret")


_REFERENCES: Final = {
    GATEWAY: _gateway_api,
    INGRESS: _ingress,
    CONTOUR_HTTP_PROXY: _contour,
    TRAEFIK_INGRESS_ROUTE: _traefik,
    NGINX_VIRTUAL_SERVER: _nginx,
}
