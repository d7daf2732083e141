"""The table of causes holds: every id of the knowledge has a rule, every rule that the data names has an entry."""

from __future__ import annotations

from typing import Final

import pytest

from grpcdoctor.diagnosis.registry import rule_named
from grpcdoctor.texts.causes import CauseEntry, causes
from grpcdoctor.texts.clues import clues
from grpcdoctor.texts.reading import filled
from grpcdoctor.texts.signals import Signals
from grpcdoctor.texts.signature import signatures
from tests.pasted import refusal

IDS: Final = frozenset((
    "tls-to-plaintext", "plaintext-to-tls", "mtls-to-plaintext", "plaintext-to-mtls", "double-tls", "alpn-missing",
    "cert-verify-failed", "cert-name-mismatch", "client-cert-required", "sni-no-filter-chain",
    "tls-version-or-cipher", "peer-not-http2", "wrong-port", "hop-downgraded-to-http1", "http2-to-http1-upstream",
    "istio-port-naming", "scheme-mismatch", "te-header-stripped", "forbidden-connection-header",
    "bad-content-length", "malformed-headers", "grpc-web-mismatch", "non-grpc-endpoint", "proxy-dropped-trailers",
    "proxy-mangled-grpc-headers", "half-close-race", "server-early-reset", "known-proxy-or-library-bug",
    "compression-unsupported", "alb-protocol-version-mismatch", "keepalive-too-aggressive", "idle-timeout",
    "proxy-route-timeout", "deadline-exceeded", "max-concurrent-streams", "circuit-breaker-overflow",
    "message-too-large", "headers-too-large", "flow-control", "h2-flood", "connection-refused", "app-bind-address",
    "server-shutdown", "connection-reset", "no-endpoints", "dns-failure", "network-blocked", "sidecar-startup-race",
    "http-proxy-interference", "route-not-found", "authority-port-mismatch", "cluster-not-found", "unknown-method",
    "rbac-denied", "jwt-invalid", "ext-authz-denied", "rate-limited", "fault-injection", "overload", "app-error",
    "client-misuse", "edge-grpc-disabled", "cors-missing", "bad-target-syntax",
))  # fmt: skip
ENTRIES: Final = tuple(causes().values())


def test_all_64_causes_of_the_knowledge_are_covered() -> None:
    assert len(IDS) == 64
    assert {entry.id for entry in ENTRIES} == IDS


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.rule)
def test_an_entry_is_of_a_real_rule_and_says_all_that_is_asked(entry: CauseEntry) -> None:
    assert rule_named(entry.rule).name == entry.rule
    for text in (entry.title, entry.why, entry.fix):
        assert text.strip().endswith("."), text
    assert entry.confirm
    assert entry.refute
    assert entry.probes


def test_every_rule_that_a_signature_or_a_clue_names_has_an_entry() -> None:
    by_signatures = {rule for one in signatures() for rule, _ in one.causes}
    by_versions = {rule for one in signatures() for reading in one.versions for rule, _ in reading.causes}
    by_clues = {rule for clue in clues() for rule, _ in clue.factors}
    assert (by_signatures | by_versions | by_clues) - set(causes()) == set()


def test_every_cause_is_named_by_a_signature() -> None:
    assert set(causes()) - {rule for one in signatures() for rule, _ in one.causes} == set()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.rule)
def test_what_an_entry_tells_to_run_is_understood(entry: CauseEntry) -> None:
    signals = Signals(upstream=("outbound", "50051", "", "cart.prod.svc.cluster.local"), method="shop.Cart/Add")
    lines = [f"grpcdoctor {filled(probe, signals, 'grpc.example.com:443')}" for probe in entry.probes]
    assert {line: why for line in lines if (why := refusal(line)) is not None} == {}


def test_nothing_in_a_filled_command_is_left_to_fill() -> None:
    for entry in ENTRIES:
        for probe in entry.probes:
            assert "{" not in filled(probe, Signals(), None)


def test_there_are_more_than_200_signatures_from_many_libraries() -> None:
    assert len(signatures()) > 200
    assert len({one.library for one in signatures()}) > 20
