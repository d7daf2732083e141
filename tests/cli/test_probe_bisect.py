"""`grpcdoctor probe --bisect`: real hops, a real Envoy before a real grpcio server, broken at one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.report.json import schema
from tests.cli.environment import Environment, Result
from tests.lab.kube_api import TOKEN, Fault, KubeApi, running_kube_api
from tests.table.bisected_cluster import app_pod, gateway_pod, let_pods_answer, objects
from tests.table.cluster_behind import HOST

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.envoy import Envoy

VALIDATOR = Draft202012Validator(schema())
HOSTILE = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
           "http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY")  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig, whatever the developer's has."""
    for name in HOSTILE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def api(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    """An API server with a gateway pod and two of the application's, which KUBECONFIG points at."""
    with running_kube_api(objects(gateway_pod("gw-0"), app_pod("greeter-0"), app_pod("greeter-1"))) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(home)))
        yield running


def bisected(env: Environment, port: int, *more: str, bisect: str = "--bisect") -> tuple[dict[str, Any], Result]:
    """The report as JSON for a public address that is this port of ours."""
    done = env.run(
        "probe", f"grpc://{HOST}", "--connect-to", f"127.0.0.1:{port}", "--no-second-opinion", bisect, "-o", "json",
        *more,
    )  # fmt: skip
    assert done.err == ""
    assert TOKEN not in done.out
    report: dict[str, Any] = json.loads(done.out)
    VALIDATOR.validate(report)
    return report, done


def states(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(hop["role"], hop["state"]) for hop in report["bisect"]["hops"]]


def test_a_gateway_that_breaks_it_is_told_from_pods_that_work(
    env: Environment, envoy: Envoy, backends: Backends, api: KubeApi
) -> None:
    broken = envoy.port("http1-to-grpc")
    let_pods_answer(api, {"gw-0": broken}, {"greeter-0": backends.h2c, "greeter-1": backends.h2c})
    report, done = bisected(env, broken)
    assert states(report) == [
        ("public address", "fails"),
        ("gateway Service", "unseen"),
        ("gateway pod", "fails"),
        ("backend Service", "unseen"),
        ("backend pod", "works"),
        ("backend pod", "works"),
    ]
    found = report["bisect"]
    assert (done.code, found["outcome"]) == (1, "between")
    assert found["breaks_at"] == ["gateway pod istio-system/gw-0:8080"]
    assert found["works_at"] == ["backend pod lab/greeter-0:50051", "backend pod lab/greeter-1:50051"]
    assert report["causes"][0]["explanation"].startswith("It first breaks at gateway pod istio-system/gw-0:8080")
    assert any("bypasses the mesh" in note for note in found["notes"])
    assert [hop["way"] for hop in found["hops"]] == ["direct", "direct", "port-forward"] * 1 + ["direct"] + [
        "port-forward"
    ] * 2
