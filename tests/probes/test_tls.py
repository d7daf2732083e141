"""The tls probe: the verified handshake, the unverified one for facts, and the first read after it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from grpcdoctor.model.facts.tls import TlsFacts
from tests.lab import fakes, tls_servers
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import grpc_server
from tests.probes.facts import facts_of
from tests.table.diagnose import diagnose, names

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.backends import Backends
    from tests.lab.grpc_server import GrpcServer


def test_a_good_handshake_gives_version_cipher_alpn_and_chain(grpcio_tls: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_tls.port, tls=True, host="localhost"), TlsFacts)
    assert facts.unverified is None
    assert facts.handshake is not None
    assert (facts.handshake.version, facts.handshake.selected, facts.handshake.server_name) == (
        "TLSv1.3",
        "h2",
        "localhost",
    )
    assert facts.handshake.cipher
    assert facts.leaf is not None
    assert "localhost" in facts.leaf.names
    assert facts.leaf.days_left > 14
    assert facts.leaf.key


def test_an_expired_certificate_is_decoded_from_a_second_handshake() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().expired) as server:
        facts = facts_of(diagnose(server.port, tls=True), TlsFacts)
    assert facts.verified is not None
    assert (facts.verified.result, facts.verified.verify_code) == ("verify-failed", 10)
    assert facts.unverified is not None
    assert facts.unverified.result == "ok"
    assert facts.leaf is not None
    assert facts.leaf.days_left < 0


def test_the_whole_chain_is_kept_as_sent() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().chained) as server:
        facts = facts_of(diagnose(server.port, tls=True), TlsFacts)
    assert len(facts.chain) == 2
    assert facts.chain[0].issuer == facts.chain[1].subject
    assert facts.chain[1].is_ca


@pytest.mark.parametrize("trusted", [0, 1], ids=["leaf", "intermediate"])
def test_a_chain_ends_at_whatever_is_trusted_as_for_every_grpc_client(trusted: int, tmp_path: Path) -> None:
    sent = x509.load_pem_x509_certificates(lab_certificates().chained.cert.read_bytes())
    (tmp_path / "trusted.pem").write_bytes(sent[trusted].public_bytes(serialization.Encoding.PEM))
    with grpc_server(tls=True, certificate=lab_certificates().chained) as server:
        report = diagnose(server.port, tls=True, cacert=str(tmp_path / "trusted.pem"), second_opinion=True)
    assert (names(report), facts_of(report, TlsFacts).unverified) == ([], None)


def test_a_certificate_without_key_identifiers_is_good_as_for_every_grpc_client() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().plain) as server:
        report = diagnose(server.port, tls=True, cacert=str(lab_certificates().plain_ca), second_opinion=True)
    assert (names(report), facts_of(report, TlsFacts).unverified) == ([], None)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_request_is_seen_in_both_versions(backends: Backends, version: ssl.TLSVersion) -> None:
    with tls_servers.client_certificate_optional(backends.h2c, version) as server:
        facts = facts_of(diagnose(server.port, tls=True), TlsFacts)
    assert facts.client_certificate_requested
    assert not facts.client_certificate_given


def test_in_tls_1_3_only_the_first_read_tells_of_a_missing_client_certificate(backends: Backends) -> None:
    with tls_servers.client_certificate_required(backends.h2c, ssl.TLSVersion.TLSv1_3) as server:
        facts = facts_of(diagnose(server.port, tls=True), TlsFacts)
    assert facts.completed
    assert facts.handshake is not None
    assert facts.handshake.alert_after_handshake
    assert facts.handshake.alert == 116


def test_a_peer_that_speaks_no_tls_is_told_by_its_bytes() -> None:
    with fakes.ssh_banner() as server:
        facts = facts_of(diagnose(server.port, tls=True), TlsFacts)
    assert (facts.spoken, facts.completed) == ("ssh", False)


def test_insecure_makes_one_unverified_handshake() -> None:
    with grpc_server(tls=True, certificate=lab_certificates().expired) as server:
        facts = facts_of(diagnose(server.port, tls=True, insecure=True), TlsFacts)
    assert facts.verified is None
    assert facts.unverified is not None
    assert facts.leaf is not None


def test_a_server_below_tls_1_2_is_asked_for_its_version(backends: Backends) -> None:
    with tls_servers.tls_1_1_only(backends.h2c) as server:
        assert facts_of(diagnose(server.port, tls=True), TlsFacts).older_version == "TLSv1.1"
