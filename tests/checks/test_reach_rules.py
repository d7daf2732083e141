"""What the pages of the reach rules cannot say in one example."""

from __future__ import annotations

import pytest

from grpcdoctor.checks.reach._addresses import overall_failure
from grpcdoctor.checks.reach.address_partly_down import check as address_partly_down
from grpcdoctor.checks.reach.dns_failure import check as dns_failure
from grpcdoctor.checks.reach.proxy_tunnel_refused import check as proxy_tunnel_refused
from grpcdoctor.checks.reach.tcp_refused import check as tcp_refused
from grpcdoctor.model.facts.reach import TcpAttempt, TcpFacts
from grpcdoctor.model.finding import Finding
from tests.checks.pages import run_from


@pytest.mark.parametrize(
    ("results", "name"),
    [
        (["refused"], "refused"),
        (["reset"], "refused"),
        (["timeout", "timeout", "refused"], "timeout"),
        (["timeout", "refused"], "refused"),
        (["unreachable", "unreachable", "timeout"], "timeout"),
        (["unreachable", "error"], "unreachable"),
        (["connected", "refused"], None),
        ([], None),
    ],
)
def test_the_result_that_got_farthest_names_a_failure_on_all_addresses(results: list[str], name: str | None) -> None:
    attempts = tuple(TcpAttempt(f"203.0.113.{index}:443", result) for index, result in enumerate(results))
    assert overall_failure(TcpFacts(attempts)) == name


def test_a_full_backlog_on_one_loopback_address_counts_more_than_the_other_that_nobody_binds() -> None:
    attempts = (TcpAttempt("[::1]:50051", "refused"), TcpAttempt("127.0.0.1:50051", "timeout"))
    assert overall_failure(TcpFacts(attempts)) == "timeout"


def test_port_80_is_offered_where_it_answers_and_443_does_not() -> None:
    tcp = {"attempts": [{"address": "203.0.113.7:443", "result": "refused"}]}
    other = {"port": 80, "spoken": "h2"}
    (found,) = tcp_refused(run_from({"target": "grpc.example.com", "facts": {"tcp": tcp, "other-port": other}}))
    assert isinstance(found, Finding)
    assert found.fixes[0].command == "grpcdoctor probe --plaintext grpc.example.com:80"
    assert found.evidence[-1].detail == "port 80 of the same host: speaks h2"


def test_a_refusing_proxy_is_named_with_its_variable_and_what_its_answer_asks_for() -> None:
    tcp = {
        "proxy": "http://proxy:3128",
        "proxy_variable": "https_proxy",
        "proxy_error": "HTTP/1.1 407 Proxy Authentication Required",
    }
    (found,) = proxy_tunnel_refused(run_from({"target": "grpc.example.com:443", "facts": {"tcp": tcp}}))
    assert isinstance(found, Finding)
    assert "https_proxy" in found.message
    assert "user name and password" in found.fixes[0].summary
    assert found.fixes[1].command == "no_grpc_proxy=grpc.example.com grpcdoctor probe grpc.example.com:443"


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        ("nxdomain", "does not exist"),
        ("try-again", "at the moment"),
        ("timeout", "no resolver answers"),
        ("error", "fails"),
    ],
)
def test_the_ways_in_which_a_name_can_fail_read_differently(failure: str, word: str) -> None:
    dns = {"host": "grpc.example.com", "failure": failure}
    (found,) = dns_failure(run_from({"target": "grpc.example.com", "facts": {"dns": dns}}))
    assert isinstance(found, Finding)
    assert word in found.message


def test_the_name_of_a_service_is_answered_with_a_port_forward() -> None:
    for name, command in (
        ("greeter", "kubectl port-forward service/greeter 50051:50051"),
        ("greeter.prod", "kubectl port-forward -n prod service/greeter 50051:50051"),
        ("greeter.prod.svc.cluster.local", "kubectl port-forward -n prod service/greeter 50051:50051"),
    ):
        dns = {"host": name, "failure": "nxdomain"}
        (found,) = dns_failure(run_from({"target": f"{name}:50051", "facts": {"dns": dns}}))
        assert isinstance(found, Finding)
        assert found.fixes[0].command == command


def test_a_dead_ipv4_address_is_a_fault_even_where_ipv6_could_not_be_looked_at() -> None:
    tcp = {
        "attempts": [
            {"address": "[2001:db8::7]:443", "result": "unreachable"},
            {"address": "203.0.113.7:443"},
            {"address": "203.0.113.8:443", "result": "timeout"},
        ]
    }
    conclusions = list(address_partly_down(run_from({"target": "grpc.example.com", "facts": {"tcp": tcp}})))
    found = [c for c in conclusions if isinstance(c, Finding)]
    assert len(conclusions) == 2
    assert [f.message for f in found] == ["1 of 3 addresses does not answer"]
