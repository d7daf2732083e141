"""Secrets: those that gateways refer to, by name, and of them nothing but what everybody may see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, SECRET
from grpcdoctor.cluster.live.reader import read_cluster
from grpcdoctor.cluster.live.secrets import public_part, referred_secrets
from tests.cluster.live.conftest import Read
from tests.cluster.live.things import LAST_APPLIED, encoded, istio_gateway, pod, thing, tls_secret
from tests.lab.certificates import lab_certificates
from tests.lab.kube_api import Fault, KubeApi

CERTIFICATES = lab_certificates()
PEM = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
GOOD, OTHER = CERTIFICATES.good, CERTIFICATES.other_name


def first(raw: dict[str, Any], key: str = "tls.crt") -> dict[str, Any]:
    found: dict[str, Any] = public_part(raw)["certificates"][key][0]
    return found


def test_the_certificate_is_decoded_and_the_key_compared_and_forgotten() -> None:
    raw = tls_secret("greeter-tls", "prod", GOOD)
    raw["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(raw), "cert-manager.io/issuer-name": "letsencrypt"}
    kept = public_part(raw)
    assert (kept["type"], kept["keys"]) == ("kubernetes.io/tls", ["tls.crt", "tls.key"])
    assert kept["metadata"]["annotations"] == {"cert-manager.io/issuer-name": "letsencrypt"}
    [certificate] = kept["certificates"]["tls.crt"]
    assert certificate["subject"] == "CN=localhost"
    assert certificate["issuer"] == "CN=grpcdoctor lab root"
    assert certificate["names"] == ["localhost", "grpc.example.test", "127.0.0.1", "::1"]
    assert certificate["not_before"] < certificate["not_after"]
    assert certificate["not_after"].endswith("Z")
    assert len(certificate["fingerprint"]) == 64
    assert (certificate["key_match"], certificate["key_error"], certificate["error"]) == (True, None, None)


def test_nothing_of_any_value_is_kept() -> None:
    pem = GOOD.key.read_bytes()
    raw = tls_secret("greeter-tls", "prod", GOOD)
    raw["data"]["password"] = encoded(b"hunter2-and-more")
    raw["stringData"] = {"note": "a-plain-note", "key": pem.decode()}
    raw["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(raw)}
    text = json.dumps(public_part(raw))
    lines = [line for line in pem.decode().splitlines() if "-----" not in line]
    values = [*lines, *raw["data"].values(), "hunter2", encoded(b"hunter2-and-more"), "a-plain-note"]
    assert [value for value in values if value in text] == []
    assert public_part(raw)["keys"] == ["key", "note", "password", "tls.crt", "tls.key"]


def test_a_key_of_another_certificate_is_noticed() -> None:
    assert first(tls_secret("s", "prod", GOOD, key=OTHER))["key_match"] is False


def test_a_chain_is_a_list_leaf_first_and_the_key_is_the_leafs() -> None:
    chain = public_part(tls_secret("s", "prod", CERTIFICATES.chained))["certificates"]["tls.crt"]
    assert [each["subject"] for each in chain] == ["CN=localhost", "CN=grpcdoctor lab intermediate"]
    assert [each["key_match"] for each in chain] == [True, None]


def test_the_names_that_istio_uses_are_read_as_well() -> None:
    data = {"cert": GOOD.cert, "key": GOOD.key, "cacert": CERTIFICATES.ca, "ca.crt": CERTIFICATES.ca}
    encoded_data = {name: encoded(path.read_bytes()) for name, path in data.items()}
    kept = public_part(thing("v1", "Secret", "s", data=encoded_data))
    assert set(kept["certificates"]) == {"cert", "cacert", "ca.crt"}
    assert kept["certificates"]["cert"][0]["key_match"] is True
    assert kept["certificates"]["cacert"][0]["key_match"] is None


def test_string_data_of_a_manifest_counts_as_it_is_written() -> None:
    raw = thing("v1", "Secret", "s", stringData={"tls.crt": GOOD.cert.read_text(), "tls.key": GOOD.key.read_text()})
    assert first(raw)["key_match"] is True


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("%%%", "not base64"),
        ("", "empty"),
        (encoded(b"just words"), "no PEM certificate in it"),
        (encoded(PEM % b"AAAA"), "the certificate cannot be decoded"),
        (encoded(PEM % b"#not-base64#"), "the certificate cannot be decoded"),
        (None, "empty"),
        (["x"], "empty"),
    ],
)
def test_a_value_that_is_no_certificate_says_why(value: Any, error: str) -> None:
    found = first(thing("v1", "Secret", "s", data={"tls.crt": value}))
    assert found["error"] == error
    assert found["names"] == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("%%%", "tls.key: not base64"),
        ("", "tls.key: empty"),
        (encoded(b"just words"), "tls.key: no PEM private key in it"),
        (
            encoded(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "tls.key: the private key cannot be decoded",
        ),
    ],
)
def test_a_value_that_is_no_key_says_why(value: str, error: str) -> None:
    raw = tls_secret("s", "prod", GOOD)
    raw["data"]["tls.key"] = value
    assert (first(raw)["key_match"], first(raw)["key_error"]) == (None, error)


def test_an_encrypted_key_says_so() -> None:
    key = serialization.load_pem_private_key(GOOD.key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"passphrase")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    raw = tls_secret("s", "prod", GOOD)
    raw["data"]["tls.key"] = encoded(pem)
    assert first(raw)["key_error"] == "tls.key: it is encrypted, and a gateway has no passphrase for it"


@pytest.mark.parametrize("raw", [{}, {"data": None}, {"data": [1]}, {"data": {"tls.crt": 5}, "metadata": "x"}])
def test_a_secret_that_makes_no_sense_is_no_trouble(raw: dict[str, Any]) -> None:
    assert public_part(raw)["kind"] == "Secret"


def test_every_kind_of_gateway_refers_to_its_secrets() -> None:
    listener = {"name": "a", "tls": {"certificateRefs": [{"name": "gw"}, {"name": "far", "namespace": "certs"}]}}
    no_secrets = [{"kind": "ConfigMap", "name": "no"}, {"group": "x", "name": "no"}]
    other = {"name": "b", "tls": {"certificateRefs": no_secrets}}
    found = referred_secrets(
        cluster_of(
            [
                thing("gateway.networking.k8s.io/v1", "Gateway", "g", spec={"listeners": [listener, other]}),
                thing("networking.k8s.io/v1", "Ingress", "i", spec={"tls": [{"secretName": "in"}, {"hosts": ["x"]}]}),
                thing("projectcontour.io/v1", "HTTPProxy", "h", spec={"virtualhost": {"tls": {"secretName": "co"}}}),
                thing("projectcontour.io/v1", "HTTPProxy", "d", spec={"virtualhost": {"tls": {"secretName": "c/d"}}}),
                thing("traefik.io/v1alpha1", "IngressRoute", "t", spec={"tls": {"secretName": "tr"}}),
                thing("k8s.nginx.org/v1", "VirtualServer", "n", spec={"tls": {"secret": "ng"}}),
                thing("networking.k8s.io/v1", "Ingress", "odd", spec={"tls": "yes"}),
            ]
        )
    )
    assert found == {
        ("prod", "gw"), ("certs", "far"), ("prod", "in"), ("prod", "co"), ("c", "d"), ("prod", "tr"), ("prod", "ng"),
    }  # fmt: skip


def test_an_istio_gateway_refers_to_secrets_where_its_pods_run_and_where_people_put_them() -> None:
    ingress = pod("ingress", "edge")
    ingress["metadata"]["labels"] = {"istio": "ingressgateway"}
    places = ("prod", "edge", "istio-system")
    found = referred_secrets(cluster_of([ingress, istio_gateway(credential="mine")]))
    assert found == {(place, "mine") for place in places}
    mutual = istio_gateway(credential="kubernetes://mine")
    mutual["spec"]["servers"][0]["tls"]["mode"] = "MUTUAL"
    found = referred_secrets(cluster_of([ingress, mutual]))
    assert found == {(place, name) for place in places for name in ("mine", "mine-cacert")}
    for written in ("kubernetes-gateway://certs/mine", "kubernetes://certs/mine", "certs/mine"):
        assert referred_secrets(cluster_of([istio_gateway(credential=written)])) == {("certs", "mine")}
    assert referred_secrets(cluster_of([istio_gateway(credential="sds://somewhere")])) == set()


def test_a_secret_that_was_looked_up_and_is_not_there_is_known_not_to_be_there(api: KubeApi, read: Read) -> None:
    api.add(istio_gateway(), tls_secret("greeter-tls", "istio-system", GOOD))
    cluster = read(api)
    found = cluster.get(SECRET, "istio-system", "greeter-tls")
    assert found is not None
    assert found.raw["certificates"]["tls.crt"][0]["key_match"] is True
    assert cluster.get(SECRET, "prod", "greeter-tls") is None
    assert cluster.knows(SECRET, "prod", "greeter-tls")
    assert not cluster.knows(SECRET, "prod", "another")
    assert not cluster.has_all(SECRET, "prod")
    assert cluster.blind_spots == ()


def test_a_secret_that_is_forbidden_names_the_right_to_that_one_alone(api: KubeApi, read: Read) -> None:
    api.add(thing("networking.k8s.io/v1", "Ingress", "i", spec={"tls": [{"secretName": "a"}, {"secretName": "b"}]}))
    api.fail("secrets", Fault(403))
    cluster = read(api)
    [spot] = cluster.blind_spots
    assert spot.what == "secrets prod/a and prod/b"
    assert spot.why == (
        "HTTP 403: system:serviceaccount:lab:reader may not get secrets; grant it: "
        "kubectl create role grpcdoctor-reader-secrets -n prod --verb=get --resource=secrets --resource-name=a "
        "--resource-name=b && kubectl create rolebinding grpcdoctor-reader-secrets -n prod "
        "--role=grpcdoctor-reader-secrets --serviceaccount=lab:reader (or leave them out: --no-secrets)"
    )
    assert spot.decide == "kubectl auth can-i get secrets/a -n prod"
    assert not cluster.knows(SECRET, "prod", "a")


def test_secrets_of_many_namespaces_are_one_blind_spot(api: KubeApi, read: Read) -> None:
    for name in ("one", "two"):
        api.add(thing("networking.k8s.io/v1", "Ingress", "i", name, spec={"tls": [{"secretName": "tls"}]}))
    api.fail("secrets", Fault(403))
    [spot] = read(api).blind_spots
    assert spot.what == "secrets one/tls and two/tls"
    assert "clusterrole grpcdoctor-reader-secrets --verb=get --resource=secrets --resource-name=tls &&" in spot.why


def test_a_second_reading_finds_the_secrets_that_the_first_one_refers_to(api: KubeApi, connected: Any) -> None:
    api.add(istio_gateway(), tls_secret("greeter-tls", "prod", GOOD))
    connection = connected(api)
    first_reading = read_cluster(connection, kinds=[ISTIO_GATEWAY])
    second = read_cluster(connection, kinds=[SECRET], beside=first_reading)
    assert second.counts() == {"secrets": 1}
