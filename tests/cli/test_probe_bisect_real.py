"""`probe --bisect` over a real kube-apiserver: the objects as it serves them, and its port-forward to a kubelet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.environment import Environment
from tests.lab.api_server import running_api_server
from tests.lab.kubelet import running_kubelet
from tests.table.bisected_cluster import APP_PORT, GATEWAY_PORT, app_pod, gateway_pod, objects
from tests.table.cluster_behind import HOST

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.envoy import Envoy

pytestmark = pytest.mark.slow


def as_applied(raw: dict[str, Any]) -> dict[str, Any]:
    """What a real API server wants to see of it: images, and no cluster IP of ours."""
    for container in raw.get("spec", {}).get("containers", ()):
        container.setdefault("image", "app")
    if raw["kind"] == "Service":
        raw["spec"].pop("clusterIP", None)
    return raw


def test_the_way_through_a_real_cluster(
    env: Environment, envoy: Envoy, backends: Backends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = envoy.port("http1-to-grpc")
    pod_ports = {
        ("istio-system", "gw-0", GATEWAY_PORT): broken,
        ("lab", "greeter-0", APP_PORT): backends.h2c,
        ("lab", "greeter-1", APP_PORT): backends.closed,
    }
    with running_kubelet(pod_ports) as kubelet, running_api_server() as cluster:
        cluster.apply([kubelet.node("node-1")])
        found = objects(gateway_pod("gw-0"), app_pod("greeter-0"), app_pod("greeter-1"))
        cluster.apply([as_applied(raw) for raw in found])
        done = env.run(
            "probe", f"grpc://{HOST}", "--connect-to", f"127.0.0.1:{broken}", "--no-second-opinion",
            "--kubeconfig", str(cluster.kubeconfig), "--bisect", "-o", "json", "--timeout", "20",
        )  # fmt: skip
    report = json.loads(done.out)
    hops = {hop["name"]: (hop["role"], hop["state"], hop["cause"]) for hop in report["bisect"]["hops"]}
    assert hops["istio-system/gw-0:8080"] == ("gateway pod", "fails", "upstream-protocol-mismatch"), done.out
    assert hops["lab/greeter-0:50051"] == ("backend pod", "works", None)
    assert hops["lab/greeter-1:50051"] == ("backend pod", "fails", "tcp-refused")
    assert hops["lab/greeter:50051"][1] == "unseen"
    assert report["bisect"]["outcome"] == "between"
    assert any(note.startswith("1 of 2 backend pods fails: lab/greeter-1:50051") for note in report["bisect"]["notes"])
