"""The table's rows on gRPC servers themselves: grpcio and @grpc/grpc-js, healthy, bare, refusing, of the wrong kind."""

from __future__ import annotations

import pytest

from tests.lab.grpc_js import grpc_js_server
from tests.lab.grpc_server import grpc_server
from tests.table.diagnose import HELLO, SLOW, assert_first_cause, assert_healthy, diagnose, names


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "h2c"])
@pytest.mark.parametrize("reflection", ["v1alpha", "v1", "both", "no"])
def test_a_healthy_grpcio_server_is_healthy_with_any_reflection(tls: bool, reflection: str) -> None:
    with grpc_server(tls=tls, reflection=reflection) as server:
        assert_healthy(diagnose(server.port, tls, host="localhost"))


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "h2c"])
def test_a_server_without_reflection_and_health_is_healthy(tls: bool) -> None:
    with grpc_server(tls=tls, reflection="no", health=False) as server:
        report = diagnose(server.port, tls)
    assert_healthy(report)
    assert {f.rule.name for f in report.findings} == {"reflection-unavailable", "health-unimplemented"}


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "h2c"])
@pytest.mark.parametrize("bare", [False, True], ids=["full", "bare"])
def test_a_healthy_grpc_js_server_is_healthy(tls: bool, bare: bool) -> None:
    with grpc_js_server(tls=tls, reflection=not bare, health=not bare) as server:
        assert_healthy(diagnose(server.port, tls))


def test_tls_at_a_plaintext_server_is_named_and_the_rest_is_seen() -> None:
    with grpc_server() as server:
        report = diagnose(server.port, tls=True)
    assert_first_cause(report, "tls-expected-plaintext-found", "broken")
    assert names(report) == ["tls-expected-plaintext-found"]
    assert {o.probe for o in report.observations if o.outcome.value == "ok"} >= {"grpc", "health", "reflection"}


def test_plaintext_at_a_tls_server_is_named_and_the_rest_is_seen() -> None:
    from tests.lab.certificates import lab_certificates

    with grpc_server(tls=True) as server:
        report = diagnose(server.port, tls=False, cacert=str(lab_certificates().ca))
    assert names(report) == ["plaintext-expected-tls-found"]
    assert {o.probe for o in report.observations if o.outcome.value == "ok"} >= {"grpc", "health", "reflection"}


def test_health_that_says_not_serving_is_broken() -> None:
    with grpc_server(status="NOT_SERVING") as server:
        assert_first_cause(diagnose(server.port), "not-serving", "broken")


@pytest.mark.parametrize(
    ("status", "name", "verdict"),
    [
        ("UNAUTHENTICATED", "authentication-required", "inconclusive"),
        ("PERMISSION_DENIED", "permission-denied", "inconclusive"),
        ("RESOURCE_EXHAUSTED", "rate-limited", "broken"),
    ],
)
def test_an_application_that_refuses_every_call_is_named(status: str, name: str, verdict: str) -> None:
    with grpc_server(refuse=status, refuse_message="as told") as server:
        report = diagnose(server.port)
    assert_first_cause(report, name, verdict)
    assert names(report) == [name]


@pytest.mark.parametrize(
    ("status", "name"),
    [("UNAUTHENTICATED", "authentication-required"), ("PERMISSION_DENIED", "permission-denied")],
)
def test_refused_in_spite_of_credentials_is_broken(status: str, name: str) -> None:
    with grpc_server(refuse=status) as server:
        report = diagnose(server.port, headers=(("authorization", "Bearer token-that-is-wrong"),))
    assert_first_cause(report, name, "broken")


def test_a_call_goes_through_reflection_with_data() -> None:
    with grpc_server() as server:
        report = diagnose(server.port, call=HELLO, data='{"name": "doctor"}')
    assert_healthy(report)
    call = next(o for o in report.observations if o.probe == "call")
    assert getattr(call.facts, "response", None) == {"message": "Hello, doctor!"}


def test_an_empty_call_needs_no_schema() -> None:
    with grpc_server(reflection="no", health=False) as server:
        assert_healthy(diagnose(server.port, call=HELLO))


def test_data_without_a_schema_says_so_and_is_not_green() -> None:
    with grpc_server(reflection="no", health=False) as server:
        report = diagnose(server.port, call=HELLO, data='{"name": "x"}')
    assert report.verdict.value == "inconclusive"
    assert any("no call was made" in spot.why for spot in report.blind_spots)


def test_a_method_that_is_not_there_is_named() -> None:
    with grpc_server() as server:
        assert_first_cause(diagnose(server.port, call="lab.Greeter/SayGoodbye"), "method-unimplemented", "broken")


def test_a_slow_method_of_the_users_own_is_not_a_fault() -> None:
    with grpc_server() as server:
        assert_healthy(diagnose(server.port, call=SLOW, data='{"seconds": 1.5}'))


def test_an_application_error_of_the_users_own_call_is_an_answer() -> None:
    with grpc_server() as server:
        report = diagnose(server.port, call="lab.Greeter/Fail", data='{"code": 3, "message": "name is empty"}')
    assert_healthy(report)


def test_few_concurrent_streams_are_a_warning() -> None:
    with grpc_server(max_concurrent_streams=1) as server:
        assert_first_cause(diagnose(server.port), "max-concurrent-streams-low", "degraded")


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "h2c"])
def test_quick_is_healthy_too(tls: bool) -> None:
    with grpc_server(tls=tls) as server:
        assert_healthy(diagnose(server.port, tls, quick=True))
