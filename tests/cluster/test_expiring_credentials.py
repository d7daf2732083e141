"""A certificate in a Gateway's Secret is judged by the moment that the cluster was read, and by no clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from grpcdoctor.checks.gateways import gateway_credential_invalid
from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.rule import Severity

READ_AT = "2026-03-10T12:00:00Z"
GATEWAY: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "public", "namespace": "istio-system"},
    "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [
            {
                "port": {"number": 443, "name": "grpc", "protocol": "HTTPS"},
                "hosts": ["api.example.com"],
                "tls": {"mode": "SIMPLE", "credentialName": "api-cert"},
            }
        ],
    },
}


def cluster(not_after: str, not_before: str = "2026-01-01T00:00:00Z") -> Cluster:
    leaf = {"names": ["api.example.com"], "not_before": not_before, "not_after": not_after, "key_match": True}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "api-cert", "namespace": "istio-system"},
        "type": "kubernetes.io/tls",
        "keys": ["tls.crt", "tls.key"],
        "certificates": {"tls.crt": [leaf]},
    }
    return Cluster(cluster_of([GATEWAY, secret]).objects, Coverage.nothing(), read_at=READ_AT)


def findings(found: Cluster) -> list[tuple[Severity, str]]:
    conclusions = gateway_credential_invalid.check(found)
    return [(one.effective_severity, one.message) for one in conclusions if isinstance(one, Finding)]


@pytest.mark.parametrize(
    ("not_after", "severity", "words"),
    [
        ("2026-03-10T12:00:00Z", Severity.ERROR, "expired certificate"),
        ("2026-03-10T12:00:01Z", Severity.WARNING, "in 0 days"),
        ("2026-03-24T11:00:00+00:00", Severity.WARNING, "in 13 days"),
    ],
)
def test_a_certificate_that_has_ended_or_ends_within_a_fortnight(
    not_after: str, severity: Severity, words: str
) -> None:
    ((found, message),) = findings(cluster(not_after))
    assert found is severity
    assert words in message


@pytest.mark.parametrize("not_after", ["2026-03-24T12:00:00Z", "2099-01-01T00:00:00Z", "", "soon"])
def test_silence_about_a_later_end_and_one_that_cannot_be_read(not_after: str) -> None:
    assert findings(cluster(not_after)) == []


def test_a_certificate_of_tomorrow() -> None:
    ((found, message),) = findings(cluster("2027-01-01T00:00:00Z", "2026-03-11T00:00:00Z"))
    assert found is Severity.ERROR
    assert "not valid before 2026-03-11" in message


def test_a_cluster_knows_when_it_was_made() -> None:
    made = datetime.fromisoformat(Cluster().read_at)
    assert abs(datetime.now(timezone.utc) - made) < timedelta(minutes=1)
