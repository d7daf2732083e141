"""inspect --proxyless: what workloads would lose, keep and gain, and the errors of a name that nothing has."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from grpcdoctor.checks.proxyless._migration import GAINED, KEPT, LOST
from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.inspection import InspectOptions, inspect_cluster
from grpcdoctor.diagnosis.proxyless import ProxylessError, with_proxyless
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.rule import Severity
from grpcdoctor.report.inspection import render_inspection
from grpcdoctor.report.style import Style

MESH = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: caller, namespace: shop}
spec:
  selector: {matchLabels: {app: caller}}
  template:
    metadata: {labels: {app: caller}}
    spec: {containers: [{name: app, image: caller, args: ["--addr=server:8080"]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: shop}
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      containers:
      - {name: app, image: server, ports: [{name: grpc, containerPort: 8080}], readinessProbe: {grpc: {port: 8080}}}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: shop}
spec: {selector: {app: server}, ports: [{name: grpc, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: server, namespace: shop}
spec:
  hosts: [server]
  http:
  - route: [{destination: {host: server, port: {number: 8080}}}]
    mirror: {host: shadow}
    timeout: 5s
    retries: {attempts: 2, perTryTimeout: 1s, retryOn: "unavailable,connect-failure"}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: shop}
spec:
  host: server
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5}
    loadBalancer: {simple: RANDOM}
    connectionPool: {http: {http2MaxRequests: 500, idleTimeout: 60s}}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: jwt, namespace: shop}
spec: {selector: {matchLabels: {app: server}}, jwtRules: [{issuer: login.example.com}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: web, ports: [{name: http, containerPort: 80}]}]}
"""


def mesh(text: str = MESH) -> Cluster:
    documents: list[dict[str, Any]] = [each for each in yaml.safe_load_all(text) if each]
    return cluster_of(documents, True)


def asked(workload: str, cluster: Cluster | None = None, namespaces: tuple[str, ...] = ()) -> Report:
    found = cluster or mesh()
    return with_proxyless(inspect_cluster(found, Scope("shop.yaml"), InspectOptions(namespaces)), found, workload)


def said(report: Report) -> list[str]:
    return [finding.message for finding in report.findings if finding.rule.name == "proxyless-migration"]


def test_a_client_hears_what_of_its_routes_and_rules_is_lost_and_what_stays() -> None:
    told = said(asked("caller"))
    verdicts = {line.partition(": ")[2] for line in told}
    assert f"{LOST}: a mirror (VirtualService shop/server http[0])" in verdicts
    for words in ("outlier detection", "RANDOM", "idleTimeout", "perTryTimeout", "retries on connect-failure"):
        assert any(line.startswith(f"{LOST}: ") and words in line for line in verdicts), (words, verdicts)
    for words in ("the timeout", "retries on unavailable", "http2MaxRequests"):
        assert any(line.startswith(f"{KEPT}: ") and words in line for line in verdicts), (words, verdicts)
    assert any(line.startswith(f"{GAINED}: ") for line in verdicts)


def test_a_server_hears_what_of_its_policies_and_probes_is_lost() -> None:
    told = said(asked("shop/server"))
    assert any("JWT validation by RequestAuthentication shop/jwt" in line for line in told)
    assert any("the rewrite of the readinessProbe" in line for line in told)
    assert any("PERMISSIVE mTLS on port 8080" in line for line in told)
    assert all(line.startswith("Deployment shop/server: ") for line in told)


def test_without_a_name_every_workload_that_serves_or_calls_grpc_is_listed_and_no_other() -> None:
    workloads = {line.partition(": ")[0] for line in said(asked(""))}
    assert workloads == {"Deployment shop/caller", "Deployment shop/server"}


@pytest.mark.parametrize("name", ["caller", "shop/caller", "deployment/caller", "Deployment/caller", "SHOP/Caller"])
def test_a_workload_can_be_named_in_several_ways(name: str) -> None:
    assert {line.partition(": ")[0] for line in said(asked(name))} == {"Deployment shop/caller"}


@pytest.mark.parametrize(("name", "near"), [("calller", "shop/caller"), ("shop/sever", "shop/server")])
def test_an_unknown_workload_is_an_error_of_one_line_with_the_closest_names(name: str, near: str) -> None:
    with pytest.raises(ProxylessError) as wrong:
        asked(name)
    assert near in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_the_other_findings_and_the_verdict_stay() -> None:
    cluster = mesh()
    before = inspect_cluster(cluster, Scope("shop.yaml"))
    after = with_proxyless(before, cluster, "")
    assert after.findings[: len(before.findings)] == before.findings
    assert after.verdict is before.verdict
    new = after.findings[len(before.findings) :]
    assert {finding.effective_severity for finding in new} == {Severity.INFO}


def test_a_workload_that_is_marked_is_listed_once() -> None:
    marked = "{labels: {app: caller}, annotations: {grpcdoctor.io/proxyless: planned}}"
    text = MESH.replace("{labels: {app: caller}}", marked)
    told = said(asked("caller", mesh(text)))
    assert told
    assert len(told) == len(set(told))


def test_only_namespaces_of_the_report_count() -> None:
    assert said(asked("", namespaces=("other",))) == []


def test_without_any_grpc_the_report_says_so_instead_of_being_silent() -> None:
    report = asked("", mesh("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"))
    assert any("sidecar" in spot.why for spot in report.blind_spots)


def test_the_text_lists_every_feature_by_workload() -> None:
    report = asked("")
    text = render_inspection(report, Style())
    flat = " ".join(text.split())
    assert "Deployment shop/caller without its sidecar" in flat
    assert "Deployment shop/server without its sidecar" in flat
    for line in said(report):
        what = line.partition(": ")[2].partition(": ")[2]
        assert what in flat, what
