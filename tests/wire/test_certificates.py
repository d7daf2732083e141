"""Certificates become facts; what cannot be decoded says so."""

from __future__ import annotations

import base64
from pathlib import Path

from grpcdoctor.wire.certificates import read_certificate, trusted_relative
from tests.lab.certificates import Certificates


def der(path: Path) -> bytes:
    body = path.read_text().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    return base64.b64decode(body)


def test_a_good_certificate_is_read_whole(certificates: Certificates) -> None:
    facts = read_certificate(der(certificates.good.cert))
    assert facts.subject == "CN=localhost"
    assert facts.issuer == "CN=grpcdoctor lab root"
    assert facts.names == ("localhost", "grpc.example.test", "127.0.0.1", "::1")
    assert (facts.self_signed, facts.is_ca, facts.key) == (False, False, "EC secp256r1")
    assert 364 < facts.days_left < 366
    assert len(facts.sha256) == 64


def test_dates_are_counted_from_now(certificates: Certificates) -> None:
    assert read_certificate(der(certificates.expired.cert)).days_left < 0
    assert read_certificate(der(certificates.not_yet_valid.cert)).days_since_start < 0
    assert read_certificate(der(certificates.self_signed.cert)).self_signed
    assert read_certificate(der(certificates.ca)).is_ca


def test_bytes_that_are_no_certificate_say_so() -> None:
    for data in (b"", b"\x30\x82", b"garbage" * 100):
        assert read_certificate(data).subject.startswith("(undecodable")


def test_a_trusted_ca_of_the_same_name_is_a_relative_and_nonsense_has_none(certificates: Certificates) -> None:
    top, root = der(certificates.good.cert), der(certificates.ca)
    assert trusted_relative(top, [b"nonsense", root]) == "CN=grpcdoctor lab root"
    assert trusted_relative(top, [der(certificates.foreign_ca)]) is None
    assert trusted_relative(b"nonsense", [root]) is None
