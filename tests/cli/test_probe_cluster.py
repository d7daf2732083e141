"""`grpcdoctor probe` with a cluster at hand: what it adds, what it costs, and what it is when there is none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from grpcdoctor.report.json import schema
from tests.cli.environment import Environment, Result
from tests.lab.kube_api import Fault, KubeApi, running_kube_api, unreachable_port, write_kubeconfig
from tests.patience import AT_ONCE
from tests.table.cluster_behind import HOST, behind

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy

VALIDATOR = Draft202012Validator(schema())
TARGET = f"grpc://{HOST}"
RULE = "service-port-not-http2"
BROKEN = {"service.spec.ports.0.name": "http-main"}
SCENARIO = "http1-to-grpc"

pytestmark = pytest.mark.usefixtures("home")


def objects(changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [raw for raw in behind(changes) if raw["kind"] != "Secret"]


@pytest.fixture
def api(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    """An API server with a broken Service, which KUBECONFIG points at."""
    with running_kube_api(objects(BROKEN)) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(home)))
        yield running


def probed(env: Environment, envoy: Envoy, *more: str, scenario: str = SCENARIO) -> Result:
    """The lab's Envoy, probed under the host's name."""
    there = f"127.0.0.1:{envoy.port(scenario)}"
    patient = ("--timeout", "120", "--no-second-opinion")
    return env.run("probe", TARGET, "--connect-to", there, *patient, *more)


def report_of(done: Result) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(done.out)
    VALIDATOR.validate(report)
    return report


def names(report: dict[str, Any]) -> list[str]:
    return [cause["name"] for cause in report["causes"]]


def timeless(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r"\d+(\.\d+)?\s+m?s\b|\b\d+(\.\d+)?\b", "N", text)


def test_symptom_and_configuration_are_one_cause_with_its_patch(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    done = probed(env, envoy)
    assert (done.code, done.err) == (1, "")
    assert f"GD501 {RULE}" in done.out
    assert "Service lab/greeter spec.ports[0].name" in done.out
    assert "──http/1.1" in done.out
    assert "kubectl -n lab patch service greeter" in " ".join(done.out.split())


def test_the_json_of_it_is_the_contract(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    done = probed(env, envoy, "-o", "json")
    report = report_of(done)
    assert (done.code, names(report)) == (1, [RULE])
    assert [hop["protocol"] for hop in report["paths"][0]["hops"]][:2] == ["h2", "http/1.1"]
    assert {item["source"] for item in report["causes"][0]["evidence"]} == {"wire", "cluster"}
    assert {line.partition(" ")[0] for line in api.requests} == {"GET"}


def test_manifests_say_the_same(env: Environment, envoy: Envoy, home: Path) -> None:
    (home / "shop.yaml").write_text(yaml.safe_dump_all(objects(BROKEN)), encoding="utf-8")
    done = probed(env, envoy, "-f", "shop.yaml", "-o", "json")
    report = report_of(done)
    assert (done.code, names(report)) == (1, [RULE])
    subject = report["causes"][0]["subject"]
    assert (subject["file"], subject["field"]) == ("shop.yaml", "spec.ports[0].name")


def test_a_healthy_endpoint_with_a_healthy_cluster_exits_with_0(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    api.add(*objects({}))
    done = probed(env, envoy, "-o", "json", scenario="healthy-h2c")
    report = report_of(done)
    assert (done.code, report["verdict"], names(report)) == (0, "healthy", [])
    assert len(report["paths"]) == 1


def test_no_cluster_asks_nothing(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    report = report_of(probed(env, envoy, "--no-cluster", "-o", "json"))
    assert api.requests == []
    assert (names(report), "paths" in report) == (["upstream-protocol-mismatch"], False)


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost"])
def test_an_address_and_localhost_are_nobodys_host(env: Environment, envoy: Envoy, api: KubeApi, target: str) -> None:
    port = envoy.port("healthy-h2c")
    done = env.run("probe", f"grpc://{target}:{port}", "--no-second-opinion", "-o", "json")
    assert (done.code, api.requests) == (0, [])


@pytest.mark.parametrize("target", ["grpc://10.0.0.1:50051", "unix:/run/greeter.sock"])
def test_a_cluster_beside_a_target_without_a_host_is_refused_in_one_line(
    env: Environment, tmp_path: Path, target: str
) -> None:
    done = env.run("probe", target, "-f", str(tmp_path))
    assert done.code == 2
    assert "is an address, and the objects of a cluster go by host: add --authority HOST" in done.err


def test_a_host_that_nothing_claims_is_not_looked_into(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    there = f"127.0.0.1:{envoy.port('healthy-h2c')}"
    done = env.run("probe", "grpc://other.example.test", "--connect-to", there, "--no-second-opinion", "-o", "json")
    assert (done.code, "paths" in report_of(done)) == (0, False)
    assert api.asked("/virtualservices")
    assert api.asked("/services") == []
    assert api.asked("/pods") == []


@pytest.mark.parametrize(("scenario", "code", "cause"), [("healthy-h2c", 0, []),
                                                         (SCENARIO, 1, ["upstream-protocol-mismatch"])])
def test_an_api_server_out_of_reach_costs_no_verdict_and_is_said(
    env: Environment,
    envoy: Envoy,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: str,
    code: int,
    cause: list[str],
) -> None:
    server = {"server": f"http://127.0.0.1:{unreachable_port()}"}
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(home / "config", server, {"token": "x"})))
    done = probed(env, envoy, "-o", "json", scenario=scenario)
    report = report_of(done)
    assert (done.code, names(report)) == (code, cause)
    assert any("127.0.0.1" in f"{spot['what']} {spot['why']}" for spot in report["blind_spots"])


def refuse(api: KubeApi, *resources: str) -> None:
    for resource in resources:
        api.fail(resource, Fault(403))


@pytest.mark.parametrize(("scenario", "code"), [("healthy-h2c", 0), (SCENARIO, 1)])
def test_an_api_server_that_refuses_everything_costs_no_verdict_and_is_said(
    env: Environment, envoy: Envoy, api: KubeApi, scenario: str, code: int
) -> None:
    refuse(api, "discovery", "version", *(kind.plural for kind in api.served))
    done = probed(env, envoy, "-o", "json", scenario=scenario)
    report = report_of(done)
    assert (done.code, names(report)) == (code, ["upstream-protocol-mismatch"] if code else [])
    [spot] = report["blind_spots"]
    assert "virtualservices.networking.istio.io" in spot["why"]
    assert f"nothing in context lab claims {HOST}, as far as it was shown" in spot["why"]


def test_an_api_server_that_says_nothing_is_not_waited_for(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    api.fail("discovery", Fault(way="slow"))
    done = probed(env, envoy, "--timeout", "2", "-o", "json", scenario="healthy-h2c")
    report = report_of(done)
    assert (done.code, report["verdict"]) == (0, "healthy")
    assert report["duration_ms"] < 1000 * AT_ONCE
    assert report["blind_spots"]


def test_without_a_kubeconfig_the_output_is_that_of_no_cluster(env: Environment, envoy: Envoy) -> None:
    without, switched_off = probed(env, envoy), probed(env, envoy, "--no-cluster")
    assert without.code == switched_off.code == 1
    assert timeless(without.out).split() == timeless(switched_off.out).split()  # a long time breaks a line elsewhere
    assert without.err == ""


def test_without_a_kubeconfig_nothing_of_kubernetes_is_loaded(envoy: Envoy, home: Path) -> None:
    program = """
import sys
from grpcdoctor.cli.main import run
code = run(sys.argv[1:])
print([name for name in ("kubernetes", "urllib3", "yaml") if name in sys.modules], code, file=sys.stderr)
"""
    there = f"127.0.0.1:{envoy.port('healthy-h2c')}"
    environment = {"HOME": str(home), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, "probe", TARGET, "--connect-to", there, "--no-second-opinion"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert ran.stderr.strip() == "[] 0"


def with_front(api: KubeApi, port: int, address: str = "127.0.0.1") -> None:
    """The gateway's load balancer is the lab's Envoy."""
    named = [raw for raw in objects({}) if raw["metadata"]["name"] == "istio-ingressgateway"]
    [front] = [raw for raw in named if raw["kind"] == "Service"]
    front["spec"]["ports"] = [{"name": "http2", "port": port, "targetPort": 80}]
    front["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}
    api.add(front)


@pytest.mark.parametrize("gateway", ["lab/public", "istio-system/istio-ingressgateway"])
def test_a_gateway_is_gone_in_by_its_load_balancers_address(
    env: Environment, envoy: Envoy, api: KubeApi, gateway: str
) -> None:
    with_front(api, envoy.port(SCENARIO))
    done = env.run("probe", TARGET, "--gateway", gateway, "--no-second-opinion", "-o", "json")
    report = report_of(done)
    assert (done.code, names(report)) == (1, [RULE])
    assert any(f"127.0.0.1:{envoy.port(SCENARIO)}" in json.dumps(item["facts"]) for item in report["observations"])


def test_a_gateway_without_an_address_is_said(env: Environment, envoy: Envoy, api: KubeApi) -> None:
    done = env.run("probe", "grpc://grpc.example.invalid", "--gateway", "lab/none", "--no-second-opinion", "-o", "json")
    assert done.code == 1
    assert any(spot["what"] == "the way in by lab/none" for spot in report_of(done)["blind_spots"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--no-cluster", "-f", "shop.yaml"], "--no-cluster"),
        (["--no-cluster", "--context", "lab"], "--no-cluster"),
        (["--no-cluster", "--gateway", "a/b"], "--no-cluster"),
        (["-f", "shop.yaml", "--context", "lab"], "-f reads manifests"),
        (["-f", "shop.yaml", "--kubeconfig", "config"], "-f reads manifests"),
        (["--gateway", "public"], "NAMESPACE/NAME"),
        (["--gateway", "a/b/c"], "NAMESPACE/NAME"),
        (["--gateway", "/public"], "NAMESPACE/NAME"),
        (["--gateway", "lab/"], "NAMESPACE/NAME"),
        (["-f", "missing.yaml"], "missing.yaml"),
        (["other.example.test", "--context", "lab"], "one target"),
        (["other.example.test", "-f", "shop.yaml"], "one target"),
    ],
)
def test_options_that_contradict_each_other_are_one_line(
    env: Environment, home: Path, arguments: list[str], words: str
) -> None:
    (home / "shop.yaml").write_text(yaml.safe_dump_all(objects({})), encoding="utf-8")
    done = env.run("probe", TARGET, *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.errors[0]
    assert done.errors[1:] == ["Try 'grpcdoctor probe --help'."]
