"""The sni probe: with and without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.tls import SniFacts
from tests.lab import tls_servers
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.grpc_server import GrpcServer


def test_a_server_that_does_not_care_shows_the_same_certificate(grpcio_tls: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_tls.port, tls=True, host="localhost"), SniFacts)
    assert facts.same_certificate is True
    assert facts.without_sni is not None
    assert (facts.without_sni.server_name, facts.without_sni.result) == (None, "ok")


def test_a_shared_gateway_shows_another_one(backends: Backends) -> None:
    with tls_servers.sni_default_certificate(backends.h2c) as server:
        assert facts_of(diagnose(server.port, tls=True, host="localhost"), SniFacts).same_certificate is False


def test_where_no_name_could_be_sent_some_name_is_tried(backends: Backends) -> None:
    with tls_servers.sni_required(backends.h2c) as server:
        facts = facts_of(diagnose(server.port, tls=True, host="127.0.0.1"), SniFacts)
    assert facts.with_sni is not None
    assert facts.with_sni.server_name is not None
    assert facts.without_sni is not None
    assert facts.without_sni.alert == 112


def test_quick_does_not_ask(grpcio_tls: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_tls.port, tls=True, host="localhost", quick=True), "sni") is None
