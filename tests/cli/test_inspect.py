"""`grpcdoctor inspect` as a user types it: sources, formats, filters, suppression, exit codes, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.environment import Environment

BROKEN = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: greeter, namespace: prod}
spec:
  hosts: [grpc.example.com]
  gateways: [public]
  http:
  - match: [{uri: {prefix: /shop.Greeter/}}]
    route: [{destination: {host: greeter, port: {number: 50051}}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: prod}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http2, protocol: HTTP2}
    hosts: [grpc.example.com]
---
apiVersion: v1
kind: Service
metadata:
  name: greeter
  namespace: prod
spec:
  selector: {app: greeter}
  ports:
  - name: http-main
    port: 50051
"""
HEALTHY = BROKEN.replace("http-main", "grpc")


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (tmp_path / ".git").mkdir()
    file = tmp_path / "shop.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    return file


def inspected(env: Environment, *arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(env.run("inspect", *arguments, "-o", "json").out)
    return report


def test_a_broken_manifest_is_named_with_object_field_and_line(env: Environment, manifest: Path) -> None:
    done = env.run("inspect", "-f", "shop.yaml")
    assert done.code == 1
    assert "GD501 service-port-not-http2" in done.out
    assert "Where  Service prod/greeter spec.ports[0].name (shop.yaml:28)" in done.out
    assert "28 │   - name: http-main" in done.out
    assert "appProtocol: kubernetes.io/h2c" in done.out
    assert "──http/1.1" in done.out


def test_a_healthy_manifest_exits_with_0(env: Environment, manifest: Path) -> None:
    manifest.write_text(HEALTHY, encoding="utf-8")
    done = env.run("inspect", "-f", "shop.yaml")
    assert (done.code, done.err) == (0, "")
    assert "HEALTHY" in done.out


@pytest.mark.parametrize("source", ["-", ".", "*.yaml", "shop.yaml"])
def test_files_folders_globs_and_standard_input_are_the_same(env: Environment, manifest: Path, source: str) -> None:
    done = env.run("inspect", "-f", source, "-o", "json", stdin=BROKEN)
    assert [cause["name"] for cause in json.loads(done.out)["causes"]] == ["service-port-not-http2"]


def test_a_host_is_traced_hop_by_hop(env: Environment, manifest: Path) -> None:
    report = inspected(env, "-f", "shop.yaml", "--host", "grpc.example.com")
    [path] = report["paths"]
    assert [hop["protocol"] for hop in path["hops"]] == ["h2", "http/1.1"]
    assert path["hops"][1]["decided_by"] == {
        "kind": "Service", "namespace": "prod", "name": "greeter", "field": "spec.ports[0].name", "value": "http-main"
    }  # fmt: skip
    assert path["problem"] == "service-port-not-http2"


def test_a_host_may_be_pasted_as_a_url(env: Environment, manifest: Path) -> None:
    assert inspected(env, "-f", "shop.yaml", "--host", "https://grpc.example.com:443")["paths"]


def test_a_host_that_nothing_routes_is_inconclusive_and_the_closest_is_named(env: Environment, manifest: Path) -> None:
    done = env.run("inspect", "-f", "shop.yaml", "--host", "grcp.example.com")
    assert done.code == 3
    assert "the closest hosts that are routed: grpc.example.com" in " ".join(done.out.split())


def test_a_namespace_limits_what_is_shown(env: Environment, manifest: Path) -> None:
    assert inspected(env, "-f", "shop.yaml", "-n", "other")["causes"] == []
    assert inspected(env, "-f", "shop.yaml", "-n", "prod")["causes"]


def test_a_broken_document_is_named_and_the_rest_is_read(env: Environment, manifest: Path) -> None:
    manifest.write_text(HEALTHY + "---\nkind: Service\n  apiVersion: [\n", encoding="utf-8")
    done = env.run("inspect", "-f", "shop.yaml")
    assert done.code == 3
    assert "shop.yaml:" in done.out


def test_a_document_without_a_namespace_takes_that_of_n(env: Environment, manifest: Path) -> None:
    manifest.write_text(BROKEN.replace(", namespace: prod", "").replace("  namespace: prod\n", ""), encoding="utf-8")
    assert inspected(env, "-f", "shop.yaml", "-n", "team")["causes"][0]["subject"]["namespace"] == "team"


def test_ignored_rules_are_counted(env: Environment, manifest: Path) -> None:
    report = inspected(env, "-f", "shop.yaml", "--ignore", "GD501")
    assert report["causes"] == []
    assert report["suppressed"] == [{"name": "service-port-not-http2", "count": 1}]
    assert "Hidden" in env.run("inspect", "-f", "shop.yaml", "--ignore", "service-port-not-http2").out


def test_only_the_rules_asked_for_are_reported(env: Environment, manifest: Path) -> None:
    assert inspected(env, "-f", "shop.yaml", "--only", "route-*")["causes"] == []


def test_an_annotation_waives_a_rule_for_its_object(env: Environment, manifest: Path) -> None:
    waived = BROKEN.replace("  name: greeter\n", "  name: greeter\n  annotations: {grpcdoctor.io/ignore: GD501}\n")
    manifest.write_text(waived, encoding="utf-8")
    assert inspected(env, "-f", "shop.yaml")["causes"] == []


def test_the_file_of_suppressions_is_found_beside_the_work(env: Environment, manifest: Path) -> None:
    manifest.with_name(".grpcdoctor.yaml").write_text(
        "severity: {service-port-not-http2: warning}\n", encoding="utf-8"
    )
    done = env.run("inspect", "-f", "shop.yaml")
    assert done.code == 0
    assert "warning GD501" in done.out
    assert env.run("inspect", "-f", "shop.yaml", "--fail-on", "warning").code == 1


@pytest.mark.parametrize("name", ["sarif", "junit", "github", "markdown", "dot", "mermaid", "svg"])
def test_every_format_names_what_is_wrong(env: Environment, manifest: Path, name: str) -> None:
    done = env.run("inspect", "-f", "shop.yaml", "-o", name)
    assert done.code == 1
    assert "service-port-not-http2" in done.out or "ServicePortNotHttp2" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-f", "missing.yaml"], "missing.yaml"),
        (["-f", "no-*.yaml"], "no-*.yaml"),
        (["-f", "shop.yaml", "--ignore", "servce-port-not-http2"], "the closest: service-port-not-http2"),
        (["-f", "shop.yaml", "--host", "not a host"], "--host"),
        (["--live"], "-f PATH"),
        (["shop.yaml"], "-f shop.yaml"),
        (["-f", "shop.yaml", "--complete", "--live"], "--complete"),
        (["-A", "-n", "prod", "-f", "shop.yaml"], "leave out -A or -n"),
        (["-f", "shop.yaml", "--context", "prod"], "--live"),
        (["-f", "shop.yaml", "--config", "none.yaml"], "none.yaml"),
        (["-f", "shop.yaml", "-o", "pdf"], "there is no format 'pdf'"),
        ([], "kubeconfig"),
    ],
)
def test_bad_input_is_one_clear_line(
    env: Environment, manifest: Path, arguments: list[str], words: str
) -> None:
    done = env.run("inspect", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert words in done.errors[0]
    assert len(done.errors) <= 2


def test_nothing_of_a_secret_is_printed(env: Environment, manifest: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: tls}\nstringData: {tls.key: hunter2, tls.crt: hunter3}\n"
    manifest.write_text(BROKEN + "---\n" + secret, encoding="utf-8")
    for name in ("text", "json", "sarif", "markdown"):
        assert "hunter" not in env.run("inspect", "-f", "shop.yaml", "-v", "-o", name).out
