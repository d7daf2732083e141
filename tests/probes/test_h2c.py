"""The h2c probe: what a port answers to the clear preface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.http2 import H2cFacts
from tests.lab import fakes
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.grpc_server import GrpcServer


def test_a_plaintext_server_answers_with_settings(grpcio_h2c: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_h2c.port), H2cFacts)
    assert facts.asked
    assert facts.first is not None
    assert facts.first.spoken == "h2"
    assert facts.first.data[6:8] == "04"  # a SETTINGS frame


def test_it_is_tried_where_tls_was_asked_and_not_spoken(grpcio_h2c: GrpcServer) -> None:
    assert not facts_of(diagnose(grpcio_h2c.port, tls=True), H2cFacts).asked


def test_it_is_not_tried_where_tls_works(grpcio_tls: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_tls.port, tls=True), "h2c") is None


def test_an_http1_answer_is_kept_whole() -> None:
    with fakes.http1() as server:
        facts = facts_of(diagnose(server.port), H2cFacts)
    assert facts.first is not None
    assert facts.first.spoken == "http/1.1"
    assert facts.http1 is not None
    assert facts.http1.status == 400


def test_a_banner_is_kept_as_text() -> None:
    with fakes.ssh_banner() as server:
        facts = facts_of(diagnose(server.port), H2cFacts)
    assert facts.first is not None
    assert facts.first.spoken == "ssh"
    assert (facts.first.text or "").startswith("SSH-2.0")
