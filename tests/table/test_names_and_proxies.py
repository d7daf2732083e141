"""The table's rows that need names of our own or a proxy in between, through the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.lab.connect_proxy import connect_proxy
from tests.lab.grpc_server import grpc_server
from tests.lab.names import names as hosts
from tests.table.diagnose import assert_first_cause, assert_healthy, diagnose

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def _probe(prefix: Sequence[str], *arguments: str) -> Any:
    command = [*prefix, sys.executable, "-m", "grpcdoctor", "probe", "--output", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(done.stdout) | {"exit": done.returncode, "stderr": done.stderr}


def test_one_address_of_two_refuses_by_etc_hosts() -> None:
    with grpc_server() as server, hosts({"two.example.test": ["127.0.0.2", "127.0.0.1"]}) as prefix:
        report = _probe(prefix, f"grpc://two.example.test:{server.port}")
    assert [cause["name"] for cause in report["causes"]] == ["address-partly-down"]
    assert (report["verdict"], report["exit"], report["stderr"]) == ("degraded", 0, "")
    assert sorted(report["target"]["addresses"]) == ["127.0.0.1", "127.0.0.2"]


def test_a_resolver_that_does_not_answer_is_told_from_a_name_that_is_not_there() -> None:
    with hosts({}) as prefix:
        report = _probe(prefix, "grpc://some.example.test:50051")
    cause = report["causes"][0]
    assert cause["name"] == "dns-failure"
    assert "does not exist" not in cause["title"]
    assert report["exit"] == 1


def test_a_proxy_from_the_environment_is_used_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with grpc_server() as server, connect_proxy(send_to=("127.0.0.1", server.port)) as proxy:
        monkeypatch.setenv("grpc_proxy", f"http://user:pa55word@127.0.0.1:{proxy.port}")
        report = diagnose(server.port, host="behind.example.test")
    assert_healthy(report)
    assert proxy.requests[0].startswith(f"CONNECT behind.example.test:{server.port} HTTP/1.1")
    assert "Proxy-Authorization: Basic" in proxy.requests[0]
    assert "pa55word" not in repr(report)
    assert f"http://127.0.0.1:{proxy.port}" in repr(report)


def test_a_proxy_that_refuses_is_the_cause_and_its_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with connect_proxy(refuse="403 Forbidden") as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        report = diagnose(443, tls=True, host="behind.example.test")
    assert_first_cause(report, "proxy-tunnel-refused", "broken")
    assert "https_proxy" in repr(report.causes[0].root)
    assert "403" in repr(report.causes[0].root)


def test_no_proxy_exempts_and_loopback_is_never_proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with grpc_server() as server:
        assert_healthy(diagnose(server.port))
    monkeypatch.setenv("no_proxy", ".example.test")
    report = diagnose(443, tls=True, host="exempt.example.test")
    assert_first_cause(report, "dns-failure")
