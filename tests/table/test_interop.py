"""The table's rows on the servers that most of the world runs: grpc-go and grpc-java."""

from __future__ import annotations

import pytest

from tests.lab.certificates import lab_certificates
from tests.lab.interop import PROGRAMS, interop_server
from tests.table.diagnose import HELLO, SLOW, assert_first_cause, assert_healthy, diagnose, names

FAIL = "lab.Greeter/Fail"

both = pytest.mark.parametrize("program", PROGRAMS)
over = pytest.mark.parametrize("tls", [True, False], ids=["tls", "h2c"])
TLS_VERSIONS = [("grpc-go", False), ("grpc-go", True), ("grpc-java", False)]
tls_versions = pytest.mark.parametrize(
    ("program", "tls_1_2"), TLS_VERSIONS, ids=["grpc-go-tls13", "grpc-go-tls12", "grpc-java-tls13"]
)


@both
@over
@pytest.mark.parametrize("reflection", ["v1", "v1alpha", "both", "no"])
def test_a_healthy_server_is_healthy_with_any_reflection(program: str, tls: bool, reflection: str) -> None:
    with interop_server(program, tls=tls, reflection=reflection) as server:
        assert_healthy(diagnose(server.port, tls, host="localhost"))


@both
@over
def test_a_bare_server_is_healthy(program: str, tls: bool) -> None:
    with interop_server(program, tls=tls, reflection="no", health="") as server:
        report = diagnose(server.port, tls)
    assert_healthy(report)
    assert {f.rule.name for f in report.findings} == {"reflection-unavailable", "health-unimplemented"}


@both
@over
@pytest.mark.parametrize("bare", [False, True], ids=["full", "bare"])
def test_the_wrong_protocol_is_named_and_the_rest_is_seen(program: str, tls: bool, bare: bool) -> None:
    full = {"reflection": "no", "health": ""} if bare else {}
    with interop_server(program, tls=tls, **full) as server:
        report = diagnose(server.port, not tls, cacert=str(lab_certificates().ca))
    expected = "plaintext-expected-tls-found" if tls else "tls-expected-plaintext-found"
    assert_first_cause(report, expected, "broken")
    assert names(report) == [expected]
    assert {o.probe for o in report.observations if o.outcome.value == "ok"} >= {"grpc", "health", "reflection"}


@both
@over
def test_quick_is_healthy_too(program: str, tls: bool) -> None:
    with interop_server(program, tls=tls) as server:
        assert_healthy(diagnose(server.port, tls, quick=True))


@both
@over
def test_health_that_says_not_serving_is_broken(program: str, tls: bool) -> None:
    with interop_server(program, tls=tls, health="NOT_SERVING") as server:
        report = diagnose(server.port, tls)
    assert_first_cause(report, "not-serving", "broken")
    assert names(report) == ["not-serving"]


@both
def test_a_stream_limit_is_healthy_and_a_limit_of_one_is_a_warning(program: str) -> None:
    with interop_server(program, max_concurrent_streams=250) as server:
        assert_healthy(diagnose(server.port))
    with interop_server(program, max_concurrent_streams=1) as server:
        assert_first_cause(diagnose(server.port), "max-concurrent-streams-low", "degraded")


@tls_versions
def test_a_client_certificate_that_is_required(program: str, tls_1_2: bool) -> None:
    pair = lab_certificates().client
    with interop_server(program, tls=True, tls_1_2=tls_1_2, client_certificates=True) as server:
        report = diagnose(server.port, tls=True)
        assert_healthy(diagnose(server.port, tls=True, cert=str(pair.cert), key=str(pair.key)))
    assert_first_cause(report, "client-certificate-required", "broken")
    assert names(report) == ["client-certificate-required"]


@tls_versions
@pytest.mark.parametrize("fault", ["client_foreign", "client_expired"])
def test_a_client_certificate_that_is_rejected(program: str, tls_1_2: bool, fault: str) -> None:
    """grpc-java says internal_error (alert 80) of a CA that it does not trust."""
    pair = getattr(lab_certificates(), fault)
    with interop_server(program, tls=True, tls_1_2=tls_1_2, client_certificates=True) as server:
        report = diagnose(server.port, tls=True, cert=str(pair.cert), key=str(pair.key))
    assert_first_cause(report, "client-certificate-rejected", "broken")
    assert names(report) == ["client-certificate-rejected"]


@both
def test_calls_go_through_reflection(program: str) -> None:
    with interop_server(program) as server:
        hello = diagnose(server.port, call=HELLO, data='{"name": "doctor"}')
        slow = diagnose(server.port, call=SLOW, data='{"seconds": 1.2}')
        refusal = diagnose(server.port, call=FAIL, data='{"code": 3, "message": "name is empty"}')
        missing = diagnose(server.port, call="lab.Greeter/SayGoodbye")
    call = next(o for o in hello.observations if o.probe == "call")
    assert getattr(call.facts, "response", None) == {"message": "Hello, doctor!"}
    for report in (hello, slow, refusal):
        assert_healthy(report)
    refused = next(o for o in refusal.observations if o.probe == "call")
    assert refused.error == "INVALID_ARGUMENT: name is empty"
    assert_first_cause(missing, "method-unimplemented", "broken")


@both
def test_calls_without_a_schema(program: str) -> None:
    with interop_server(program, reflection="no", health="") as server:
        assert_healthy(diagnose(server.port, call=HELLO))
        with_data = diagnose(server.port, call=HELLO, data='{"name": "x"}')
        assert_first_cause(diagnose(server.port, call="lab.Greeter/SayGoodbye"), "method-unimplemented", "broken")
    assert with_data.verdict.value == "inconclusive"
    assert any(HELLO in spot.what for spot in with_data.blind_spots)


def test_an_exception_in_a_java_handler_is_the_applications_fault() -> None:
    with interop_server("grpc-java") as server:
        report = diagnose(server.port, call=FAIL, data='{"code": -1}')
    assert_first_cause(report, "call-failed", "broken")
    assert names(report) == ["call-failed"]


def test_a_panic_in_a_go_handler_ends_the_process_and_is_named() -> None:
    with interop_server("grpc-go") as server:
        report = diagnose(server.port, call=FAIL, data='{"code": -1}')
        assert_first_cause(report, "connection-lost", "broken")
        assert names(report) == ["connection-lost"]
        assert server.process.wait(5) == 2
        assert_first_cause(diagnose(server.port), "tcp-refused", "broken")
