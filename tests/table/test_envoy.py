"""The table's rows on the real Envoy, in front of a real grpcio backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.envoy_scenarios import jwt_token
from tests.table.diagnose import HELLO, SLOW, assert_first_cause, assert_healthy, diagnose, names

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy

HEALTHY = (
    "healthy-tls",
    "healthy-h2c",
    "healthy-h2c-codec-http2",
    "tls-upstream",
    "backend-bare",
    "grpc-web",
    "route-timeout-0",
)

FAULTS = [
    ("alpn-http1-only", "alpn-not-h2", "broken"),
    ("alpn-none", "alpn-missing", "broken"),
    ("alpn-h2-codec-http1", "alpn-h2-but-http1", "broken"),
    ("codec-http1", "http2-not-spoken", "broken"),
    ("mtls", "client-certificate-required", None),
    ("no-route-host", "route-not-found", "inconclusive"),
    ("no-route-path", "route-not-found", "inconclusive"),
    ("greeter-only", "route-not-found", "inconclusive"),
    ("cluster-missing", "cluster-not-found", "broken"),
    ("http1-to-grpc", "upstream-protocol-mismatch", "broken"),
    ("h2-to-http1", "upstream-protocol-mismatch", "broken"),
    ("upstream-refused", "upstream-unreachable", "broken"),
    ("tls-to-plaintext", "upstream-unreachable", "broken"),
    ("plaintext-to-tls", "upstream-connection-terminated", "broken"),
    ("no-endpoints", "no-healthy-upstream", "broken"),
    ("circuit-open", "upstream-overloaded", "broken"),
    ("circuit-open-connections", "upstream-overloaded", "broken"),
    ("upstream-silent", "upstream-timeout", "broken"),
    ("fault-abort-grpc", "fault-injected", "broken"),
    ("fault-abort-http", "fault-injected", "broken"),
    ("fault-delay", "slow-response", "degraded"),
    ("rbac-deny-all", "rbac-denied", "inconclusive"),
    ("jwt-required", "authentication-required", "inconclusive"),
    ("rate-limited", "rate-limited", "broken"),
    ("rate-limited-grpc", "rate-limited", "broken"),
    ("https-redirect", "http-redirect", "broken"),
    ("html-200", "not-grpc", "broken"),
    ("max-concurrent-streams-1", "max-concurrent-streams-low", "degraded"),
    ("not-serving", "not-serving", "broken"),
    ("backend-unauthenticated", "authentication-required", "inconclusive"),
]


@pytest.mark.parametrize("scenario", HEALTHY)
def test_a_healthy_envoy_is_healthy(envoy: Envoy, scenario: str) -> None:
    assert_healthy(diagnose(envoy.port(scenario), envoy.tls(scenario)))


@pytest.mark.parametrize(("scenario", "name", "verdict"), FAULTS, ids=[row[0] for row in FAULTS])
def test_an_envoy_fault_has_its_name(envoy: Envoy, scenario: str, name: str, verdict: str | None) -> None:
    assert_first_cause(diagnose(envoy.port(scenario), envoy.tls(scenario)), name, verdict)


@pytest.mark.parametrize(("scenario", "name", "verdict"), FAULTS, ids=[row[0] for row in FAULTS])
def test_one_fault_has_one_cause(envoy: Envoy, scenario: str, name: str, verdict: str | None) -> None:
    assert names(diagnose(envoy.port(scenario), envoy.tls(scenario))) == [name]


def test_a_route_timeout_before_headers_shows_with_a_call(envoy: Envoy) -> None:
    assert_first_cause(diagnose(envoy.port("route-timeout"), call=SLOW), "upstream-timeout", "broken")


def test_a_call_that_is_routed_while_reflection_is_not_is_a_warning(envoy: Envoy) -> None:
    assert_first_cause(diagnose(envoy.port("greeter-only"), call=HELLO), "reflection-not-routed", "degraded")


def test_a_call_that_has_no_route_itself_is_broken(envoy: Envoy) -> None:
    assert_first_cause(diagnose(envoy.port("no-route-path"), call=HELLO), "route-not-found", "broken")


def test_a_method_that_the_application_lacks_is_named(envoy: Envoy) -> None:
    assert_first_cause(
        diagnose(envoy.port("healthy-h2c"), call="lab.Greeter/SayHelo"), "method-unimplemented", "broken"
    )


def test_rbac_that_denies_the_users_own_call_is_broken(envoy: Envoy) -> None:
    assert_first_cause(diagnose(envoy.port("rbac-deny-greeter"), call=HELLO), "rbac-denied", "broken")


def test_a_good_token_makes_it_healthy(envoy: Envoy) -> None:
    headers = (("authorization", f"Bearer {jwt_token()}"),)
    assert_healthy(diagnose(envoy.port("jwt-required"), headers=headers))


def test_a_bad_token_makes_it_broken(envoy: Envoy) -> None:
    report = diagnose(envoy.port("jwt-required"), headers=(("authorization", "Bearer not.a.token"),))
    assert_first_cause(report, "authentication-required", "broken")
