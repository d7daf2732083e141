"""The table's rows on TLS: certificates, names, versions, client certificates."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.lab import tls_servers
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import grpc_server
from tests.table.diagnose import assert_first_cause, assert_healthy, diagnose, names

if TYPE_CHECKING:
    from tests.lab.backends import Backends

CERTIFICATES = [
    ("expired", "certificate-expired", "broken"),
    ("not_yet_valid", "certificate-not-yet-valid", "broken"),
    ("other_name", "certificate-name-mismatch", "broken"),
    ("unknown_ca", "certificate-untrusted", "broken"),
    ("self_signed", "certificate-untrusted", "broken"),
    ("intermediate_missing", "certificate-chain-incomplete", "broken"),
    ("expiring", "certificate-expiring", "degraded"),
    ("made_for_a_week", "certificate-expiring", "degraded"),
]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize(("pair", "name", "verdict"), CERTIFICATES, ids=[row[0] for row in CERTIFICATES])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_bad_certificate_is_named_and_the_rest_is_seen(pair: str, name: str, verdict: str, host: str) -> None:
    with grpc_server(tls=True, certificate=getattr(lab_certificates(), pair)) as server:
        report = diagnose(server.port, tls=True, host=host)
    assert_first_cause(report, name, verdict)
    assert names(report) == [name]
    assert {o.probe for o in report.observations if o.outcome.value == "ok"} >= {"grpc", "health", "reflection"}


def test_a_name_that_stands_in_the_common_name_alone_is_no_name() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().common_name_only) as server:
        report = diagnose(server.port, tls=True, host="localhost")
    assert_first_cause(report, "certificate-name-mismatch", "degraded")  # grpcio still takes it, grpc-go does not


def test_a_chained_certificate_is_healthy() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().chained) as server:
        assert_healthy(diagnose(server.port, tls=True, host="localhost"))


def test_a_private_root_that_was_not_given_is_untrusted() -> None:
    with grpc_server(tls=True) as server:
        assert_first_cause(diagnose(server.port, tls=True, cacert=None), "certificate-untrusted", "broken")


@pytest.mark.parametrize("version", VERSIONS, ids=["tls12", "tls13"])
def test_a_client_certificate_that_is_required(backends: Backends, version: ssl.TLSVersion) -> None:
    with tls_servers.client_certificate_required(backends.h2c, version) as server:
        report = diagnose(server.port, tls=True)
    assert_first_cause(report, "client-certificate-required", "broken")
    assert names(report) == ["client-certificate-required"]


@pytest.mark.parametrize("version", VERSIONS, ids=["tls12", "tls13"])
def test_a_foreign_client_certificate_is_rejected(backends: Backends, version: ssl.TLSVersion) -> None:
    pair = lab_certificates().client_foreign
    with tls_servers.client_certificate_required(backends.h2c, version) as server:
        report = diagnose(server.port, tls=True, cert=str(pair.cert), key=str(pair.key))
    assert_first_cause(report, "client-certificate-rejected", "broken")
    assert names(report) == ["client-certificate-rejected"]


@pytest.mark.parametrize("version", VERSIONS, ids=["tls12", "tls13"])
def test_the_right_client_certificate_is_healthy(backends: Backends, version: ssl.TLSVersion) -> None:
    pair = lab_certificates().client
    with tls_servers.client_certificate_required(backends.h2c, version) as server:
        assert_healthy(diagnose(server.port, tls=True, cert=str(pair.cert), key=str(pair.key)))


def test_an_optional_client_certificate_is_healthy(backends: Backends) -> None:
    with tls_servers.client_certificate_optional(backends.h2c) as server:
        assert_healthy(diagnose(server.port, tls=True))


def test_grpcio_that_requires_a_client_certificate() -> None:
    pair = lab_certificates().client
    with grpc_server(tls=True, client_certificates=True) as server:
        assert_first_cause(diagnose(server.port, tls=True), "client-certificate-required", "broken")
        assert_healthy(diagnose(server.port, tls=True, cert=str(pair.cert), key=str(pair.key)))


def test_tls_1_1_only(backends: Backends) -> None:
    with tls_servers.tls_1_1_only(backends.h2c) as server:
        report = diagnose(server.port, tls=True)
    assert_first_cause(report, "tls-version-too-old", "broken")
    assert names(report) == ["tls-version-too-old"]


@pytest.mark.parametrize("alert", [True, False], ids=["alert", "close"])
def test_nothing_without_sni(backends: Backends, alert: bool) -> None:
    with tls_servers.sni_required(backends.h2c, alert) as server:
        report = diagnose(server.port, tls=True, host="127.0.0.1")
        assert_first_cause(report, "sni-required", "broken")
        assert names(report) == ["sni-required"]
        assert_healthy(diagnose(server.port, tls=True, host="localhost"))


def test_another_default_certificate_without_sni_is_no_fault(backends: Backends) -> None:
    with tls_servers.sni_default_certificate(backends.h2c) as server:
        assert_healthy(diagnose(server.port, tls=True, host="localhost"))


def test_no_common_cipher() -> None:
    with tls_servers.no_common_cipher() as server:
        assert_first_cause(diagnose(server.port, tls=True, host="localhost"), "tls-handshake-failed", "broken")
        # At an address no name was sent, and gateways that want one send the same alert: both are named.
        cause = diagnose(server.port, tls=True).causes[0]
    assert {cause.name, *cause.alternatives} >= {"sni-required", "tls-handshake-failed"}
    assert cause.confidence < 1.0


@pytest.mark.parametrize("alpn", [("h2",), ()], ids=["h2", "none"])
def test_silent_after_the_handshake_names_the_step(alpn: tuple[str, ...]) -> None:
    with tls_servers.silent_after_handshake(alpn) as server:
        report = diagnose(server.port, tls=True)
    assert "response-timeout" in names(report)
