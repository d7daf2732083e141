"""The table's rows on names, addresses and connections."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import grpcdoctor
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.wire import resolve
from tests.lab import fakes
from tests.lab.black_hole import black_hole
from tests.lab.grpc_server import grpc_server
from tests.lab.processes import closed_port
from tests.table.diagnose import assert_first_cause, diagnose, names, told

if TYPE_CHECKING:
    import pytest


def test_a_name_that_does_not_exist() -> None:
    report = grpcdoctor.probe("nosuch.invalid:443", ProbeOptions(timeout=8, second_opinion=False))
    assert_first_cause(report, "dns-failure", "broken")
    assert names(report) == ["dns-failure"]


def test_a_closed_port() -> None:
    with closed_port() as port:
        report = diagnose(port, tls=True)
    assert_first_cause(report, "tcp-refused", "broken")
    assert names(report) == ["tcp-refused"]


def test_a_black_hole() -> None:
    with black_hole() as (_, port):
        report = diagnose(port, tls=True, timeout=4)
    assert_first_cause(report, "tcp-timeout", "broken")
    assert names(report) == ["tcp-timeout"]


def _resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def lookup(host: str) -> resolve.Resolved:
        return resolve.Resolved(addresses=addresses)

    monkeypatch.setattr(resolve, "_lookup", lookup)


def test_one_address_of_two_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    with grpc_server() as server:
        report = diagnose(server.port, host="two-addresses.test")
    assert_first_cause(report, "address-partly-down", "degraded")
    assert names(report) == ["address-partly-down"]


def test_all_addresses_of_two_work(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    with grpc_server(host="0.0.0.0") as server:
        report = diagnose(server.port, host="two-addresses.test")
    assert names(report) == [], told(report)


def test_closed_at_once_without_a_byte() -> None:
    with fakes.closes_silently() as server:
        for tls in (True, False):
            report = diagnose(server.port, tls)
            assert_first_cause(report, "connection-closed-silently", "broken")
            assert names(report) == ["connection-closed-silently"]


def test_never_an_answer_after_accept_names_the_step() -> None:
    with fakes.silent() as server:
        for tls, step in ((True, "TLS handshake"), (False, "HTTP/2 preface")):
            report = diagnose(server.port, tls, timeout=12)
            assert_first_cause(report, "response-timeout", "broken")
            assert names(report) == ["response-timeout"]
            assert step.lower() in report.causes[0].title.lower(), report.causes[0].title


def test_an_unanswered_call_names_the_step() -> None:
    with fakes.no_answer() as server:
        report = diagnose(server.port, timeout=8)
    assert_first_cause(report, "response-timeout", "broken")
    assert "health check" in report.causes[0].title


def test_a_unix_socket(tmp_path: Any) -> None:
    report = grpcdoctor.probe(f"unix:{tmp_path}/nothing.sock", ProbeOptions(second_opinion=False))
    assert report.verdict.value == "broken", told(report)
    assert names(report)[0].startswith("tcp-"), told(report)


def test_a_listening_port_on_another_family_does_not_matter() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    report = diagnose(port)
    assert names(report) == ["tcp-refused"]
