"""The http1 probe: who lives at a port that speaks no HTTP/2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.http2 import Http1Facts
from tests.lab import fakes
from tests.lab.certificates import lab_certificates
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.grpc_server import GrpcServer


def test_a_redirect_is_seen_with_its_location() -> None:
    with fakes.https_redirect("https://elsewhere.test/") as server:
        facts = facts_of(diagnose(server.port), Http1Facts)
    assert facts.answer is not None
    assert 300 <= facts.answer.status < 400
    assert facts.answer.header("location") == "https://elsewhere.test/"


def test_http1_behind_tls_is_asked_over_tls() -> None:
    with fakes.alpn_h2_but_http1(lab_certificates()) as server:
        facts = facts_of(diagnose(server.port, tls=True), Http1Facts)
    assert facts.transport == "tls"


def test_it_is_not_asked_where_http2_is_spoken(grpcio_h2c: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_h2c.port), "http1") is None
