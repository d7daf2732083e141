"""`grpcdoctor probe --bisect`: real hops, a real Envoy before a real grpcio server, broken at one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.cluster.kinds import POD
from grpcdoctor.report.json import schema
from tests.cli.environment import Environment, Result
from tests.lab.certificates import lab_certificates
from tests.lab.kube_api import TOKEN, Fault, KubeApi, running_kube_api, unreachable_port, write_kubeconfig
from tests.table.bisected_cluster import app_pod, gateway_pod, let_pods_answer, objects
from tests.table.cluster_behind import HOST

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.envoy import Envoy

VALIDATOR = Draft202012Validator(schema())

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def api(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    """An API server with a gateway pod and two of the application's, which KUBECONFIG points at."""
    with running_kube_api(objects(gateway_pod("gw-0"), app_pod("greeter-0"), app_pod("greeter-1"))) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(home)))
        yield running


@pytest.fixture
def good_pods(api: KubeApi, backends: Backends) -> KubeApi:
    """Both pods of the application are healthy servers."""
    let_pods_answer(api, {}, {"greeter-0": backends.h2c, "greeter-1": backends.h2c})
    return api


def run(env: Environment, port: int, *more: str) -> Result:
    """The public address is this port of ours."""
    there = f"127.0.0.1:{port}"
    patient = ("--timeout", "120", "--no-second-opinion")
    return env.run("probe", f"grpc://{HOST}", "--connect-to", there, *patient, *more)


def report_of(done: Result) -> dict[str, Any]:
    assert done.err == ""
    assert TOKEN not in done.out
    report: dict[str, Any] = json.loads(done.out)
    VALIDATOR.validate(report)
    return report


def bisected(env: Environment, port: int, *more: str, bisect: str = "--bisect") -> dict[str, Any]:
    return report_of(run(env, port, bisect, "-o", "json", *more))


def states(report: dict[str, Any]) -> str:
    """`FF?WW`: from the outermost; those that stand side by side together."""
    letters = {"works": "W", "fails": "F", "unseen": "?"}
    hops = report["bisect"]["hops"]
    return " ".join(
        "".join(letters[hop["state"]] for hop in hops if hop["level"] == level)
        for level in dict.fromkeys(hop["level"] for hop in hops)
    )


def details(report: dict[str, Any], role: str) -> list[str]:
    return [hop["detail"] for hop in report["bisect"]["hops"] if hop["role"] == role]


def test_a_gateway_that_breaks_it_is_told_from_pods_that_work(
    env: Environment, envoy: Envoy, good_pods: KubeApi
) -> None:
    broken = envoy.port("http1-to-grpc")
    let_pods_answer(good_pods, {"gw-0": broken}, {})
    done = run(env, broken, "--bisect", "-o", "json")
    report = report_of(done)
    found = report["bisect"]
    assert (done.code, states(report), found["outcome"]) == (1, "F ? F ? WW", "between")
    assert found["breaks_at"] == ["gateway pod istio-system/gw-0:8080"]
    assert found["works_at"] == ["backend pod lab/greeter-0:50051", "backend pod lab/greeter-1:50051"]
    cause = report["causes"][0]
    assert cause["name"] == "upstream-protocol-mismatch"
    assert cause["explanation"].startswith("It first breaks at gateway pod istio-system/gw-0:8080.")
    assert any("bypasses the mesh" in note for note in found["notes"])
    assert {hop["way"] for hop in found["hops"] if "pod" in hop["role"]} == {"port-forward"}


def test_a_server_that_breaks_it_is_told_from_what_stands_before(
    env: Environment, envoy: Envoy, backends: Backends, api: KubeApi
) -> None:
    """Nothing listens in the pods, and the gateway can say no more than that it cannot connect."""
    port = envoy.port("upstream-refused")
    let_pods_answer(api, {"gw-0": port}, {"greeter-0": backends.closed, "greeter-1": backends.closed})
    report = bisected(env, port)
    assert (states(report), report["bisect"]["outcome"]) == ("F ? F ? FF", "at-server")
    cause = report["causes"][0]
    assert cause["name"] == "tcp-refused"
    assert "the pod's own loopback" in cause["explanation"]
    seen = [item["detail"] for item in cause["evidence"]]
    assert "so also: Envoy cannot connect to its backend" in seen
    assert any(detail.startswith("error forwarding port 50051 to pod") for detail in seen)
    assert "upstream-unreachable" not in [each["name"] for each in report["causes"]]


def test_single_pods_that_fail_are_named_although_the_address_works(
    env: Environment, envoy: Envoy, backends: Backends, api: KubeApi
) -> None:
    port = envoy.port("healthy-h2c")
    let_pods_answer(api, {"gw-0": port}, {"greeter-0": backends.h2c, "greeter-1": backends.not_serving})
    done = run(env, port, "--bisect", "-o", "json")
    report = report_of(done)
    assert (done.code, report["verdict"], states(report)) == (0, "degraded", "W ? W ? WF")
    assert report["bisect"]["sentence"].startswith("1 of 2 backend pods fails: lab/greeter-1:50051")
    assert (report["causes"][0]["name"], report["causes"][0]["severity"]) == ("not-serving", "warning")
    assert report["causes"][0]["subject"] == {"endpoint": "lab/greeter-1:50051"}


def test_pods_that_fail_beside_others_are_told_beside_a_gateway_that_breaks_it_too(
    env: Environment, envoy: Envoy, backends: Backends, api: KubeApi
) -> None:
    broken = envoy.port("http1-to-grpc")
    api.add(*objects(gateway_pod("gw-0"), app_pod("greeter-0"), app_pod("greeter-1"), app_pod("greeter-2")))
    apps = {"greeter-0": backends.h2c, "greeter-1": backends.not_serving, "greeter-2": backends.closed}
    let_pods_answer(api, {"gw-0": broken}, apps)
    report = bisected(env, broken)
    assert (states(report), report["bisect"]["outcome"]) == ("F ? F ? WFF", "between")
    told = [(cause["name"], cause["severity"]) for cause in report["causes"]]
    assert told == [("upstream-protocol-mismatch", "error"), ("not-serving", "warning"), ("tcp-refused", "warning")]


def test_a_service_called_by_its_own_name_has_no_gateway(env: Environment, envoy: Envoy, good_pods: KubeApi) -> None:
    there = f"127.0.0.1:{envoy.port('healthy-h2c')}"
    host = "grpc://greeter.lab.svc.cluster.local:50051"
    done = env.run("probe", host, "--connect-to", there, "--bisect", "-o", "json")
    hops = report_of(done)["bisect"]["hops"]
    assert [hop["role"] for hop in hops] == ["address", "backend Service", "backend pod", "backend pod"]


def test_where_all_works_it_says_so_and_what_it_has_not_seen(
    env: Environment, envoy: Envoy, good_pods: KubeApi
) -> None:
    port = envoy.port("healthy-h2c")
    let_pods_answer(good_pods, {"gw-0": port}, {})
    done = run(env, port, "--bisect", "-o", "json")
    report = report_of(done)
    assert (done.code, report["verdict"], states(report)) == (0, "healthy", "W ? W ? WW")
    assert report["bisect"]["sentence"].startswith("every hop that could be looked at works; gateway Service")


def test_services_that_answer_from_here_are_hops_like_others(
    env: Environment, envoy: Envoy, good_pods: KubeApi, backends: Backends
) -> None:
    broken = envoy.port("http1-to-grpc")
    reachable = objects(
        gateway_pod("gw-0"),
        app_pod("greeter-0"),
        changes={
            "service.spec.ports.0.port": backends.h2c,
            "service.spec.ports.0.targetPort": 50051,
            "route.spec.http.0.route.0.destination.port.number": backends.h2c,
        },
    )
    good_pods.objects[POD].clear()
    good_pods.add(*reachable)
    let_pods_answer(good_pods, {"gw-0": broken}, {})
    report = bisected(env, broken)
    assert states(report) == "F ? F W W"
    assert report["bisect"]["works_at"] == [f"backend Service lab/greeter:{backends.h2c}"]


def test_whoever_answers_at_a_cluster_ip_outside_of_the_cluster_is_not_taken_for_the_service(
    env: Environment, envoy: Envoy, good_pods: KubeApi, backends: Backends
) -> None:
    """A web server answers there."""
    broken = envoy.port("http1-to-grpc")
    stranger = {"name": "http2", "port": backends.http1, "targetPort": 80}
    good_pods.add(*objects(gateway_pod("gw-0"), changes={"edge-service.spec.ports": [stranger]}))
    good_pods.pod_ports["istio-system", "gw-0", 80] = broken
    report = bisected(env, broken)
    assert states(report) == "F ? F ? WW"
    (detail,) = details(report, "gateway Service")
    assert detail.startswith("what answers at its cluster IP 127.0.0.1 from here, outside of the cluster, may be")


def test_the_call_is_asked_of_every_hop(env: Environment, envoy: Envoy, good_pods: KubeApi) -> None:
    port = envoy.port("no-route-path")
    let_pods_answer(good_pods, {"gw-0": port}, {})
    report = bisected(env, port, "--call", "lab.Greeter/SayHello")
    assert states(report) == "F ? F ? WW"
    assert report["bisect"]["breaks_at"] == ["gateway pod istio-system/gw-0:8080"]


def test_what_may_not_be_reached_is_unseen_with_its_verb_and_resource(
    env: Environment, envoy: Envoy, good_pods: KubeApi
) -> None:
    good_pods.denied.add(("get", "pods/portforward"))
    report = bisected(env, envoy.port("http1-to-grpc"))
    assert states(report) == "F ? ? ? ??"
    assert report["bisect"]["outcome"] == "inward"
    assert details(report, "backend pod") == ["you may not get pods/portforward in namespace lab"] * 2
    decide = "kubectl auth can-i get pods/portforward -n lab"
    assert any(decide in spot["why"] for spot in report["blind_spots"])
    assert not good_pods.asked("portforward?")


def test_a_tunnel_that_is_refused_after_all_is_unseen_and_no_fault_of_the_pod(
    env: Environment, envoy: Envoy, good_pods: KubeApi
) -> None:
    good_pods.fail("selfsubjectaccessreviews", Fault(403))
    good_pods.fail("portforward", Fault(403))
    report = bisected(env, envoy.port("http1-to-grpc"))
    assert states(report) == "F ? ? ? ??"
    assert all("is forbidden" in detail for detail in details(report, "backend pod"))


def test_a_cluster_out_of_reach_leaves_the_address_and_says_so(
    env: Environment, envoy: Envoy, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"server": f"http://127.0.0.1:{unreachable_port()}"}
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(home / "gone.yaml", server, {"token": TOKEN})))
    report = bisected(env, envoy.port("http1-to-grpc"))
    assert (states(report), report["bisect"]["outcome"]) == ("F ?", "inward")
    assert any("connection refused" in spot["why"] for spot in report["blind_spots"])


def test_a_host_that_the_cluster_does_not_know_has_no_hops(env: Environment, envoy: Envoy, good_pods: KubeApi) -> None:
    port = envoy.port("healthy-h2c")
    done = env.run("probe", "grpc://other.example.test", "--connect-to", f"127.0.0.1:{port}", "--bisect", "-o", "json")
    report = report_of(done)
    assert states(report) == "W ?"
    assert details(report, "hops behind") == ["no route for other.example.test was found in context lab"]


def test_given_hops_are_asked_as_they_are_written(env: Environment, envoy: Envoy, backends: Backends) -> None:
    gateway, app = envoy.port("http1-to-grpc"), backends.h2c
    report = bisected(env, gateway, bisect=f"--bisect=127.0.0.1:{gateway},grpc://127.0.0.1:{app}")
    found = report["bisect"]
    assert (states(report), found["outcome"]) == ("F F W", "between")
    assert (found["breaks_at"], found["works_at"]) == ([f"hop 127.0.0.1:{gateway}"], [f"hop 127.0.0.1:{app}"])
    assert found["notes"] == []


def test_a_given_hop_that_breaks_behind_a_gateway_that_does_not(
    env: Environment, envoy: Envoy, backends: Backends
) -> None:
    report = bisected(
        env, envoy.port("upstream-refused"),
        bisect=f"--bisect=127.0.0.1:{envoy.port('upstream-refused')},127.0.0.1:{backends.closed}",
    )  # fmt: skip
    assert (states(report), report["bisect"]["outcome"]) == ("F F F", "at-server")
    assert report["causes"][0]["name"] == "tcp-refused"


def test_a_plaintext_hop_behind_tls_needs_no_scheme(env: Environment, envoy: Envoy, backends: Backends) -> None:
    """TLS ends at the gateway: the address that says nothing is asked both ways."""
    done = env.run(
        "probe", f"grpcs://localhost:{envoy.port('healthy-tls')}", "--cacert", str(lab_certificates().ca),
        f"--bisect=127.0.0.1:{backends.h2c}", "-o", "json",
    )  # fmt: skip
    report = report_of(done)
    assert states(report) == "W W", report["bisect"]
    assert [hop["speaks"] for hop in report["bisect"]["hops"]] == ["TLS", "plaintext"]


def test_the_terminal_shows_the_way_and_where_it_breaks(env: Environment, envoy: Envoy, good_pods: KubeApi) -> None:
    broken = envoy.port("http1-to-grpc")
    let_pods_answer(good_pods, {"gw-0": broken}, {})
    words = " ".join(run(env, broken, "--bisect").out.split())
    assert f"Way ✗ public address {HOST}:80 (plaintext) upstream-protocol-mismatch" in words
    assert "? gateway Service istio-system/istio-ingressgateway:80 not looked at: its cluster IP 127.0.0.1" in words
    assert "✓ backend pod lab/greeter-0:50051 (plaintext, port-forward" in words
    assert "So it first breaks at gateway pod istio-system/gw-0:8080" in words


def test_markdown_shows_it_too(env: Environment, envoy: Envoy, good_pods: KubeApi) -> None:
    broken = envoy.port("http1-to-grpc")
    let_pods_answer(good_pods, {"gw-0": broken}, {})
    out = run(env, broken, "--bisect", "-o", "markdown").out
    assert "| ✓ | backend pod lab/greeter-0:50051 | plaintext, port-forward |  |" in out


def test_many_pods_that_work_take_few_lines(env: Environment, envoy: Envoy, backends: Backends, api: KubeApi) -> None:
    names = [f"greeter-{number}" for number in range(12)]
    api.add(*objects(gateway_pod("gw-0"), *map(app_pod, names)))
    port = envoy.port("healthy-h2c")
    let_pods_answer(api, {"gw-0": port}, dict.fromkeys(names, backends.h2c))
    short, whole = (run(env, port, "--bisect", *more).out for more in ((), ("-v",)))
    assert short.count("✓ backend pod") == 3
    assert "+9 more backend pods alike; -v shows them" in short
    assert whole.count("✓ backend pod") == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grpc.example.test", "--bisect", "-f", "."], "-f only reads manifests; name a --context, or name the hops"),
        (["grpc.example.test", "--bisect", "--no-cluster"], "leave out --no-cluster, or name the hops: --bisect=ADDR"),
        (["grpc.example.test", "--bisect"], "there is no kubeconfig; or name the hops: --bisect=ADDR,ADDR"),
        (["10.0.0.1:443", "--bisect"], "for an address add --authority HOST, or name the hops"),
        (["--bisect", "grpc.example.test"], "name a TARGET; write --bisect behind it"),
        (["a.example.test", "b.example.test", "--bisect"], "--bisect is about one target"),
        (["--targets", "x", "--bisect"], "--bisect is about one target"),
        (["grpc.example.test", "--bisect=10.0.0.1:x"], "--bisect: 'x' in '10.0.0.1:x' is not a port"),
        (["grpc.example.test", "--bisect=,"], "name the hops from the outermost"),
        (["grpc.example.test", "--bisect=10.0.0.1", "--count", "3"], "asks each hop once"),
        (["grpc.example.test", "--bisect=10.0.0.1", "--save", "x"], "--save is for one run"),
    ],
)
def test_what_cannot_be_bisected_is_refused_in_one_line(env: Environment, arguments: list[str], words: str) -> None:
    done = env.run("probe", *arguments)
    assert done.code == 2
    assert words in done.errors[0]
    assert done.errors[1:] == ["Try 'grpcdoctor probe --help'."]
