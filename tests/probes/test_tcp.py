"""The tcp probe: every address at once, each failure by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpcdoctor
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.wire import resolve
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import grpc_server
from tests.lab.processes import closed_port
from tests.probes.facts import facts_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_closed_port_refuses() -> None:
    with closed_port() as port:
        facts = facts_of(diagnose(port), TcpFacts)
    assert [(a.address, a.result) for a in facts.attempts] == [(f"127.0.0.1:{port}", "refused")]
    assert facts.chosen is None


def test_a_black_hole_times_out_within_the_step() -> None:
    with black_hole() as (_, port):
        facts = facts_of(diagnose(port, timeout=2), TcpFacts)
    assert [a.result for a in facts.attempts] == ["timeout"]


def test_all_addresses_are_tried_and_the_first_that_answers_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ("127.0.0.3", "127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(resolve, "_lookup", lambda host: resolve.Resolved(addresses=addresses))
    with fakes.healthy() as server:
        facts = facts_of(diagnose(server.port, host="three.test"), TcpFacts)
    assert {a.address.rpartition(":")[0]: a.result for a in facts.attempts} == {
        "127.0.0.1": "connected",
        "127.0.0.2": "refused",
        "127.0.0.3": "refused",
    }
    assert facts.chosen == f"127.0.0.1:{server.port}"


def test_a_socket_path_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    report = grpcdoctor.probe(f"unix:{tmp_path}/none.sock", ProbeOptions(second_opinion=False))
    attempt = facts_of(report, TcpFacts).attempts[0]
    assert attempt.result != "connected"
    assert attempt.error == "No such file or directory"


def test_a_healthy_run_opens_at_most_four_connections() -> None:
    with fakes.healthy() as server:
        diagnose(server.port, host="localhost")
        assert server.connections <= 4
    with grpc_server(tls=True) as real:
        assert diagnose(real.port, tls=True, host="localhost").verdict.value == "healthy"


def test_no_run_opens_more_than_four_connections_to_an_address() -> None:
    # Plaintext asked of a port that speaks HTTP/1.1 over TLS, after a handshake that does not verify: the most to ask.
    with fakes.alpn_h2_but_http1(lab_certificates()) as server:
        diagnose(server.port, host="localhost", cacert=None)
        assert server.connections <= 4
