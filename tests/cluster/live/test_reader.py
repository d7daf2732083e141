"""Reading a cluster: all of it and nothing more, quickly, and never with anything but GET."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grpcdoctor.cluster.kinds import (
    CONFIG_MAP,
    GATEWAY,
    INGRESS,
    ISTIO_GATEWAY,
    KINDS,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    TRAEFIK_INGRESS_ROUTE,
    VIRTUAL_SERVICE,
)
from grpcdoctor.cluster.live.connection import PARALLEL, Connection
from grpcdoctor.cluster.live.reader import read_cluster
from grpcdoctor.cluster.live.scope import LISTED_KINDS
from tests.cluster.live.conftest import Read
from tests.cluster.live.things import istio_gateway, namespace, pod, service, thing
from tests.lab.kube_api import Fault, KubeApi, running_kube_api
from tests.lab.processes import wait_until
from tests.patience import AT_ONCE


def test_everything_is_read_and_nothing_is_left_to_doubt(api: KubeApi, read: Read) -> None:
    api.add(namespace("prod"), service(), pod("greeter-0"), istio_gateway())
    cluster = read(api)
    assert cluster.name == "lab"
    assert cluster.blind_spots == ()
    assert cluster.counts() == {"services": 1, "pods": 1, "namespaces": 1, "gateways.networking.istio.io": 1}
    assert all(cluster.has_all(kind) for kind in LISTED_KINDS)
    found = cluster.get(SERVICE, "prod", "greeter")
    assert found is not None
    assert (found.api_version, found.raw["kind"], found.spec["ports"][0]["port"]) == ("v1", "Service", 50051)


def test_only_get_is_ever_sent(api: KubeApi, read: Read) -> None:
    api.add(service(), istio_gateway())
    api.fail("pods", Fault(403))
    read(api)
    assert {line.partition(" ")[0] for line in api.requests} == {"GET"}


def test_secrets_config_maps_replica_sets_and_events_are_never_listed(api: KubeApi, read: Read) -> None:
    api.add(service(), istio_gateway(), pod("greeter-0"))
    read(api, kinds=KINDS)
    paths = {line.split()[1].partition("?")[0] for line in api.requests}
    for word in ("secrets", "configmaps", "replicasets", "events"):
        assert [path for path in paths if path.endswith(f"/{word}")] == []


def test_a_kind_without_a_crd_is_known_not_to_be_there(api: KubeApi, read: Read) -> None:
    cluster = read(api)
    assert cluster.has_all(VIRTUAL_SERVICE)
    assert cluster.all(VIRTUAL_SERVICE) == ()
    assert api.asked("virtualservices") == []


@pytest.mark.parametrize("aggregated", [True, False])
@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3", "v2"])
def test_a_crd_is_read_at_the_version_that_is_served(read: Read, version: str, aggregated: bool) -> None:
    with running_kube_api([istio_gateway()], aggregated=aggregated, versions={ISTIO_GATEWAY: (version,)}) as api:
        assert len(read(api).all(ISTIO_GATEWAY)) == 1
        assert len(api.asked(f"/apis/networking.istio.io/{version}/gateways?")) == 1


@pytest.mark.parametrize("aggregated", [True, False])
def test_of_several_served_versions_the_best_known_is_read(read: Read, aggregated: bool) -> None:
    versions = {ISTIO_GATEWAY: ("v1alpha3", "v1", "v1beta1"), GATEWAY: ("v1beta1",)}
    with running_kube_api(aggregated=aggregated, versions=versions) as api:
        assert read(api).blind_spots == ()
        assert len(api.asked("/gateways?")) == 2
        assert len(api.asked("/v1/gateways?")) == 1


def test_objects_of_a_group_that_was_renamed_are_found_too(api: KubeApi, read: Read) -> None:
    old = thing("traefik.containo.us/v1alpha1", "IngressRoute", "greeter", spec={"routes": []})
    kind = type(TRAEFIK_INGRESS_ROUTE)("traefik.containo.us", "IngressRoute", "ingressroutes", ("v1alpha1",))
    api.served[kind] = ("v1alpha1",)
    api.objects[kind] = {("prod", "greeter"): old}
    found = read(api).get(TRAEFIK_INGRESS_ROUTE, "prod", "greeter")
    assert found is not None
    assert found.api_version == "traefik.containo.us/v1alpha1"


@pytest.mark.parametrize("fault", [Fault(403), Fault(500), Fault(way="html"), Fault(way="dropped")])
def test_without_discovery_the_lists_tell_what_is_served(api: KubeApi, read: Read, fault: Fault) -> None:
    api.add(istio_gateway())
    api.served[ISTIO_GATEWAY] = ("v1alpha3",)
    api.fail("discovery", fault)
    cluster = read(api)
    assert len(cluster.all(ISTIO_GATEWAY)) == 1
    assert cluster.blind_spots == ()
    assert cluster.has_all(VIRTUAL_SERVICE)


def test_only_the_kinds_that_are_wanted_are_read(api: KubeApi, read: Read) -> None:
    api.add(service(), pod("greeter-0"))
    cluster = read(api, kinds=[SERVICE])
    assert cluster.counts() == {"services": 1}
    assert not cluster.has_all(POD)
    assert api.requests == ["GET /version", "GET /apis", "GET /api/v1/services?limit=500"]


def test_thousands_of_objects_come_in_pages_and_several_kinds_at_a_time(api: KubeApi, read: Read) -> None:
    api.add(*(pod(f"greeter-{number}") for number in range(3000)), *(service(f"s{number}") for number in range(1200)))
    cluster = read(api)
    assert cluster.counts() == {"pods": 3000, "services": 1200}
    assert len(api.asked("/pods?limit=500")) == 6
    assert len(api.asked("/services?limit=500")) == 3
    pages = [line for line in api.requests if "limit=500" in line]
    last_pod = max(number for number, line in enumerate(pages) if "/pods?" in line)
    assert any("/services?" in line for line in pages[:last_pod])  # not one kind after the other


def test_no_more_requests_are_open_at_a_time_than_promised(
    api: KubeApi, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, lock, now, most = Connection.get, threading.Lock(), 0, 0

    def counted(*arguments: object) -> object:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        try:
            time.sleep(0.005)
            return get(*arguments)  # type: ignore[arg-type]
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(Connection, "get", counted)
    read(api)
    assert 2 <= most <= PARALLEL


def test_progress_is_told_in_the_thread_that_asked(api: KubeApi, read: Read) -> None:
    api.add(*(service(f"s{number}") for number in range(600)))
    told: list[tuple[int, int, str]] = []
    threads: set[int] = set()

    def progress(done: int, known: int, what: str) -> None:
        told.append((done, known, what))
        threads.add(threading.get_ident())

    read(api, progress=progress, kinds=[SERVICE, NAMESPACE, INGRESS])
    assert told[-1][:2] == (3, 3)
    assert {"services: 500", "services: 600", "namespaces", "ingresses"} >= {what for *_, what in told}
    assert threads == {threading.get_ident()}


def test_ctrl_c_ends_it_at_once_and_no_thread_asks_on(
    api: KubeApi, connected: Callable[[KubeApi], Connection]
) -> None:
    api.fail("pods", Fault(way="slow"))
    api.add(*(service(f"s{number}") for number in range(600)))

    def progress(done: int, known: int, what: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read_cluster(connected(api), progress=progress)
    assert time.monotonic() - started < AT_ONCE
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("grpcdoctor"))


def test_a_program_that_is_interrupted_does_not_wait_for_the_server(api: KubeApi, tmp_path: Path) -> None:
    api.fail("pods", Fault(way="slow"))
    program = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored where the tests run in its background
from grpcdoctor.cluster.live.connection import connect
from grpcdoctor.cluster.live.reader import read_cluster
read_cluster(connect(kubeconfig={str(api.kubeconfig(tmp_path))!r}))
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as reading:
        wait_until(lambda: reading.poll() is None, lambda: bool(api.asked("pods")), "a reader")
        started = time.monotonic()
        reading.send_signal(signal.SIGINT)
        said = reading.communicate(timeout=20)[1]
    assert "KeyboardInterrupt" in said
    assert time.monotonic() - started < AT_ONCE


def test_secrets_may_be_left_alone(api: KubeApi, read: Read) -> None:
    api.add(istio_gateway())
    cluster = read(api, secrets=False)
    assert api.asked("secrets") == []
    assert not cluster.knows(SECRET, "prod", "greeter-tls")


def test_the_config_maps_of_meshes_and_controllers_are_read_by_name(api: KubeApi, read: Read) -> None:
    api.add(namespace("istio-system"), namespace("prod"), namespace("edge"))
    api.add(thing("v1", "ConfigMap", "istio", "istio-system", data={"mesh": "{}"}))
    api.add(thing("v1", "ConfigMap", "istio-canary", "istio-system", data={"mesh": "{}"}))
    api.add(thing("v1", "ConfigMap", "everything-else", "prod", data={"x": "y"}))
    istiod = pod("istiod-0", "istio-system", "istiod")
    istiod["metadata"]["labels"]["istio.io/rev"] = "canary"
    controller = {"name": "controller", "args": ["/nginx-ingress-controller", "--configmap=$(POD_NAMESPACE)/mine"]}
    api.add(istiod, pod("nginx-0", "edge", "nginx", containers=[controller]))
    cluster = read(api)
    assert {item.full_name for item in cluster.all(CONFIG_MAP)} == {"istio-system/istio", "istio-system/istio-canary"}
    assert {line.split()[1] for line in api.asked("configmaps")} == {
        "/api/v1/namespaces/istio-system/configmaps/istio",
        "/api/v1/namespaces/istio-system/configmaps/istio-canary",
        "/api/v1/namespaces/edge/configmaps/mine",
    }
    assert cluster.knows(CONFIG_MAP, "edge", "mine")
    assert not cluster.knows(CONFIG_MAP, "prod", "everything-else")
