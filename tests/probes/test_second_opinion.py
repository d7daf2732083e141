"""The second-opinion probe: grpcio in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from tests.lab import fakes
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.lab.envoy import Envoy
    from tests.lab.grpc_server import GrpcServer


def test_it_agrees_with_a_healthy_server_if_asked(grpcio_tls: GrpcServer) -> None:
    facts = facts_of(diagnose(grpcio_tls.port, tls=True, second_opinion=True), SecondOpinionFacts)
    assert facts.code == "OK"
    assert facts.client.startswith("grpcio ")


def test_a_healthy_server_is_not_asked_by_default(grpcio_h2c: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_h2c.port, second_opinion=None), "second-opinion") is None


def test_the_users_own_method_is_never_called_a_second_time(grpcio_h2c: GrpcServer) -> None:
    report = diagnose(grpcio_h2c.port, call="lab.Greeter/SayHello", second_opinion=True)
    assert facts_of(report, SecondOpinionFacts).method == "/grpc.health.v1.Health/Check"


def test_trouble_is_asked_about_and_becomes_evidence(envoy: Envoy) -> None:
    report = diagnose(envoy.port("alpn-none"), tls=True, second_opinion=None)
    assert facts_of(report, SecondOpinionFacts).code == "UNAVAILABLE"
    assert any("missing selected ALPN" in evidence.detail for evidence in report.causes[0].evidence)


def test_a_peer_that_kills_grpcio_does_not_kill_us() -> None:
    with fakes.goaway(13) as server:
        report = diagnose(server.port, second_opinion=True)
    facts = facts_of(report, SecondOpinionFacts)
    assert facts.exit_signal == 6 or facts.code == "UNAVAILABLE"
    assert report.causes[0].name == "goaway-on-connect"


def test_a_module_in_the_users_folder_is_not_taken_for_grpc(
    grpcio_h2c: GrpcServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grpc.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    assert facts_of(diagnose(grpcio_h2c.port, second_opinion=True), SecondOpinionFacts).code == "OK"
