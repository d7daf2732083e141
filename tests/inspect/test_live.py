"""A real kube-apiserver: what is broken there is found live, and the printed kubectl command cures it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.environment import Environment
from tests.inspect.certificates import with_certificates
from tests.lab.api_server import ApiServer, running_api_server

SITUATIONS = Path(__file__).parent / "situations"
BROKEN = SITUATIONS / "source-tls-gateway-port-http.yaml"


@pytest.fixture(scope="module")
def api_server() -> Iterator[ApiServer]:
    with running_api_server() as running:
        running.apply(list(yaml.safe_load_all(with_certificates(BROKEN.read_text(encoding="utf-8")))))
        yield running


def inspected(env: Environment, api_server: ApiServer, *arguments: str) -> dict[str, Any]:
    done = env.run("inspect", "--kubeconfig", str(api_server.kubeconfig), *arguments, "-o", "json")
    assert done.out, done.err
    report: dict[str, Any] = json.loads(done.out)
    return report


def test_a_live_cluster_is_judged_as_its_manifests_are(env: Environment, api_server: ApiServer) -> None:
    report = inspected(env, api_server, "-A")
    assert [cause["name"] for cause in report["causes"]] == ["service-port-not-http2"]
    assert report["blind_spots"] == []
    assert report["scope"]["context"]


def test_a_namespace_is_enough_to_see_its_gateway_elsewhere(env: Environment, api_server: ApiServer) -> None:
    report = inspected(env, api_server, "-n", "shop", "--host", "grpc.example.com")
    [path] = report["paths"]
    assert path["hops"][0]["to"].startswith("istio-ingressgateway")
    assert path["problem"] == "service-port-not-http2"


def test_manifests_laid_over_the_cluster_show_what_they_would_do(
    env: Environment, api_server: ApiServer, tmp_path: Path
) -> None:
    cure = tmp_path / "cure.yaml"
    cure.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: grpc-service, namespace: shop}\n"
        "spec: {selector: {app: grpc-service}, ports: [{name: grpc, port: 50051}]}\n"
    )
    assert inspected(env, api_server, "-A", "-f", str(cure), "--live")["causes"] == []
    assert inspected(env, api_server, "-A")["causes"] != []


@pytest.mark.needs("kubectl")
def test_the_printed_command_cures(env: Environment, api_server: ApiServer) -> None:
    """The last one here: it changes what the others look at."""
    [cause] = inspected(env, api_server, "-A")["causes"]
    words = shlex.split(cause["fixes"][0]["command"])
    assert words[0] == "kubectl"
    plain = {**os.environ, "KUBECONFIG": str(api_server.kubeconfig)}
    done = subprocess.run(words, env=plain, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report = inspected(env, api_server, "-A")
    assert (report["causes"], report["verdict"]) == ([], "healthy")


def test_what_may_not_be_read_is_said_and_keeps_the_verdict_open(env: Environment, api_server: ApiServer) -> None:
    rules = [{"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["get", "list"]}]
    config = api_server.restricted_kubeconfig("reader", rules)
    done = env.run("inspect", "--kubeconfig", str(config), "-A")
    assert done.code == 3
    assert "may not list" in " ".join(done.out.split())
