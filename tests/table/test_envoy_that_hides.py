"""An Envoy that hides most of its counters, as Istio's do: what is left tells as much as it can, and never too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.envoy import running_envoy
from tests.table.diagnose import SLOW, assert_first_cause, assert_healthy, names, told
from tests.table.test_envoy import HEALTHY
from tests.table.with_envoy import diagnose_with_envoy, envoy_says, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.backends import Backends
    from tests.lab.envoy import Envoy

# scenario -> (first cause, words of the title)
FAULTS = {
    "no-route-host": ("route-not-found", "no virtual host"),
    "no-route-path": ("route-not-found", "it routes prefix /lab.Nothing/"),
    "cluster-missing": ("cluster-not-found", "cluster nowhere, which this Envoy does not have"),
    "http1-to-grpc": ("upstream-protocol-mismatch", "Envoy speaks HTTP/1.1 to"),
    "h2-to-http1": ("upstream-protocol-mismatch", "Envoy speaks HTTP/2 to"),
    "upstream-refused": ("upstream-unreachable", "nothing listens there"),
    "no-endpoints": ("no-healthy-upstream", "cluster empty has no endpoint"),
    "unhealthy": ("no-healthy-upstream", "its health check fails"),
    "upstream-closes": ("upstream-connection-terminated", "takes Envoy's plaintext connections and closes them"),
    "upstream-silent": ("upstream-timeout", "route timeout of 1 s ended"),
    "fault-abort-http": ("fault-injected", "aborts calls on purpose"),
    "fault-delay": ("fault-injected", "delays calls on purpose"),
    "rbac-deny-all": ("rbac-denied", ""),
}
TIMERS = {
    "route-timeout": "route timeout of 1 s",
    "per-try-timeout": "timeout of one try of 1 s",
    "stream-idle-timeout": "stream idle timeout of 1 s",
    "max-stream-duration": "max_stream_duration of 1 s",
}


@pytest.fixture(scope="module")
def hiding(backends: Backends) -> Iterator[Envoy]:
    with running_envoy(backends, hides_counters=True) as running:
        yield running


@pytest.mark.parametrize("scenario", HEALTHY)
def test_a_healthy_one_is_healthy_and_nothing_is_missed(hiding: Envoy, scenario: str) -> None:
    report = diagnose_with_envoy(hiding, scenario)
    assert_healthy(report)
    assert not report.blind_spots, told(report)
    assert facts_of(report).counters_hidden
    assert facts_of(report).took is None


@pytest.mark.parametrize("scenario", FAULTS)
def test_configuration_and_endpoints_tell_what_counters_do_not(hiding: Envoy, scenario: str) -> None:
    name, title = FAULTS[scenario]
    report = diagnose_with_envoy(hiding, scenario)
    assert names(report) == [name], told(report)
    assert title in report.causes[0].title, told(report)


@pytest.mark.parametrize("scenario", TIMERS)
def test_a_timer_is_known_by_its_time(hiding: Envoy, scenario: str) -> None:
    report = diagnose_with_envoy(hiding, scenario, call=SLOW)
    assert_first_cause(report, "upstream-timeout", "broken")
    assert TIMERS[scenario] in report.causes[0].title, told(report)
    assert report.causes[0].confidence < 1.0


def test_tls_that_fails_is_not_told_from_a_refusal_and_that_is_said(hiding: Envoy) -> None:
    report = diagnose_with_envoy(hiding, "tls-to-plaintext")
    assert_first_cause(report, "upstream-unreachable", "broken")
    assert report.causes[0].confidence < 0.9
    assert "upstream-tls-mismatch" in report.causes[0].alternatives
    assert "hides its TLS counters" in envoy_says(report.causes[0])
