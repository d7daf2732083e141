"""The rules about an Envoy on real ones: they find the lab's faults, and nothing where all is healthy or by default."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grpcdoctor.diagnosis.envoy_inspection import judge_envoy
from grpcdoctor.envoy.admin import read_admin
from grpcdoctor.envoy.answers import merged
from grpcdoctor.envoy.files import read_files
from grpcdoctor.envoy.recognise import of_json
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.rule import Severity
from tests.table.diagnose import diagnose
from tests.table.test_envoy import HEALTHY

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in (HERE / "dumps").iterdir())
ISTIO = sorted((HERE / "istio").iterdir())
# What is healthy in the lab, beside its listeners.
SOUND = {"grpc", "grpc-tls", "not-serving", "unauthenticated", "bare", "saturated", "http1", "silent"}
# (rule, what it is about) of everything that is broken in the lab and shows in a dump.
IN_THE_DUMPS = {
    ("envoy-upstream-protocol-errors", "grpc-http1"),
    ("envoy-upstream-protocol-errors", "http1-h2"),
    ("envoy-upstream-tls-failing", "grpc-over-tls"),
    ("envoy-endpoint-unreachable", "grpc-over-tls"),
    ("envoy-endpoint-unreachable", "closed"),
    ("envoy-no-healthy-endpoint", "empty"),
    ("envoy-circuit-breaker-open", "circuit"),
    ("envoy-cluster-missing", "nowhere"),
    ("envoy-stream-idle-timeout", "stream-idle-timeout"),
    ("envoy-max-concurrent-streams-low", "max-concurrent-streams-1"),
    *(("envoy-listener-not-http2", name)
      for name in ("alpn-http1-only", "alpn-none", "alpn-h2-codec-http1", "codec-http1", "mtls-alpn-none")),
    *(("envoy-fault-active", name)
      for name in ("fault-abort-grpc", "fault-abort-http", "fault-abort-http-500", "fault-abort-half", "fault-delay")),
}  # fmt: skip


def wrong(proxy: Proxy) -> set[tuple[str, str]]:
    """Findings that are no mere remarks."""
    return {(item.rule.name, subject(item)) for item in judge_envoy(proxy)[0]
            if item.effective_severity is not Severity.INFO}  # fmt: skip


def subject(finding: Finding) -> str:
    return (finding.subject.name if finding.subject is not None else "") or ""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_fault_of_the_lab_is_found_in_its_dump_and_nothing_else(version: str) -> None:
    (proxy,) = read_files([str(HERE / "dumps" / version / "lab")], io.BytesIO)
    assert wrong(proxy) == IN_THE_DUMPS


@pytest.mark.parametrize("path", ISTIO, ids=lambda path: path.name.partition(".")[0])
def test_what_istios_pilot_generates_by_default_is_no_finding(path: Path) -> None:
    raw = json.loads(gzip.decompress(path.read_bytes()))
    found = [of_json(raw[part]) for part in ("clusters", "listeners", "routes") if raw[part]]
    proxy = Proxy(merged(item for item in found if item is not None))
    assert proxy.clusters
    assert proxy.http_chains
    findings, blind_spots = judge_envoy(proxy)
    assert findings == ()
    assert all(spot.why.startswith("no answer of") for spot in blind_spots)


def test_healthy_listeners_of_a_live_envoy_are_no_finding(envoy: Envoy) -> None:
    for scenario in HEALTHY:
        diagnose(envoy.port(scenario), envoy.tls(scenario))
    found = wrong(read_admin(f"127.0.0.1:{envoy.admin_port}"))
    assert {name for _, name in found} & (SOUND | set(HEALTHY)) == set()
