"""`grpcdoctor envoy pod/NS/NAME`: a real Envoy's admin port behind a server that forwards as API servers do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.environment import Environment
from tests.cluster.live.things import pod
from tests.lab.envoy import Envoy
from tests.lab.kube_api import KubeApi, running_kube_api


@pytest.fixture
def arguments(api: KubeApi, tmp_path: Path) -> tuple[str, ...]:
    api.add(pod("greeter-0"))
    api.add(pod("public-7f9c-abcde", app="public"))
    return ("--kubeconfig", str(api.kubeconfig(tmp_path)), "-o", "json")


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with running_kube_api([]) as running:
        yield running


@pytest.mark.parametrize("port", [15000, 9901])
@pytest.mark.parametrize(
    ("word", "name"), [("pod/prod/greeter-0", "greeter-0"), ("gateway/prod/public", "public-7f9c-abcde")]
)
def test_the_envoy_in_a_pod_is_read(
    env: Environment, api: KubeApi, envoy: Envoy, arguments: tuple[str, ...], port: int, word: str, name: str
) -> None:
    api.pod_ports["prod", name, port] = envoy.admin_port
    result = env.run("envoy", word, *arguments, "--fail-on", "never")
    assert result.out, result.err
    report = json.loads(result.out)
    assert len(report["envoy"]["listeners"]) == len(envoy.ports)
    assert report["scope"]["input"].startswith(word)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("pod/prod/greeter-0", "no Envoy answers at the admin ports"),
        ("pod/prod/gone", "gone"),
        ("gateway/prod/nothing", "no running pod"),
        ("pod//x", "write pod/NAMESPACE/NAME"),
    ],
)
def test_what_cannot_be_reached_is_one_line(env: Environment, arguments: tuple[str, ...], word: str, why: str) -> None:
    result = env.run("envoy", word, *arguments)
    assert result.code == 2
    assert why in result.err
    assert "Traceback" not in result.err


def test_a_probe_hears_the_envoy_in_a_pod(
    env: Environment, api: KubeApi, envoy: Envoy, arguments: tuple[str, ...]
) -> None:
    api.pod_ports["prod", "greeter-0", 15000] = envoy.admin_port
    target = f"grpc://127.0.0.1:{envoy.port('tls-to-plaintext')}"
    result = env.run("probe", target, "--envoy", "pod/prod/greeter-0", *arguments)
    assert result.code == 1, result.err
    assert json.loads(result.out)["causes"][0]["name"] == "upstream-tls-mismatch"
