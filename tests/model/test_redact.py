"""Secrets never reach any output."""

from __future__ import annotations

import pytest

from grpcdoctor.model.facts.grpc import GrpcFacts, Reply
from grpcdoctor.model.redact import is_secret_name, redact, redact_headers, redact_text, secrets_of


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Proxy-Authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "apikey",
        "x-amz-security-token",
    ],
)
def test_these_names_hold_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["content-type", "server", "x-request-id", "grpc-status", "x-keyboard", "authority"])
def test_these_do_not(name: str) -> None:
    assert not is_secret_name(name)


def test_header_values_go_and_names_stay() -> None:
    assert redact_headers((("authorization", "Bearer x"), ("server", "envoy"))) == (
        ("authorization", "[redacted]"),
        ("server", "envoy"),
    )


def test_a_token_that_a_peer_echoes_goes_from_any_text() -> None:
    secrets = secrets_of((("authorization", "Bearer abcdef12345"),))
    assert redact_text("no such token abcdef12345", secrets) == "no such token [redacted]"
    assert "abcdef12345" not in redact_text("got 'Bearer abcdef12345'", secrets)
    assert redact_text("Bearer some-other-token-123") == "Bearer [redacted]"


def test_short_values_do_not_garble_the_report() -> None:
    assert secrets_of((("x-token", "on"),)) == ()


def test_a_whole_value_is_walked() -> None:
    facts = GrpcFacts(Reply(grpc_message="token s3cr3t-value", headers=(("x", "s3cr3t-value"),)))
    assert "s3cr3t-value" not in repr(redact((facts, {"a": [facts]}), ("s3cr3t-value",)))


def test_what_holds_no_secret_is_left_as_it_is() -> None:
    facts = GrpcFacts(Reply(grpc_message="fine"))
    assert redact(facts, ("s3cr3t-value",)) is facts
