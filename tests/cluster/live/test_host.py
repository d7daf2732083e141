"""Reading for one host: gateways and routes first, and what stands behind them only where they name the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.kinds import DEPLOYMENT, POD, SECRET, SERVICE, VIRTUAL_SERVICE
from grpcdoctor.cluster.live.host import CLAIMING_KINDS, merged, read_for_host
from grpcdoctor.cluster.paths import paths_for
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.registry import kinds_read
from tests.cluster.live.things import pod, thing, tls_secret
from tests.lab.certificates import lab_certificates
from tests.lab.kube_api import Fault, KubeApi
from tests.table.cluster_behind import HOST, behind

ReadHost = Callable[..., Cluster]
CLAIMING = {kind.plural for kind in CLAIMING_KINDS}


@pytest.fixture
def filled(api: KubeApi) -> KubeApi:
    """The objects behind the host, and an application elsewhere."""
    inside = [raw for raw in behind({}, tls=True) if raw["kind"] != "Secret"]
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart"}]}}
    elsewhere = thing("apps/v1", "Deployment", "cart", "shop", spec={"template": template})
    secret = tls_secret("tls", "istio-system", lab_certificates().other_name)
    api.add(*inside, secret, tls_secret("other", "shop", lab_certificates().other_name), elsewhere, pod("cart", "shop"))
    return api


@pytest.fixture
def read_host(connected: Any) -> ReadHost:
    """Reads what concerns a host."""

    def read_it(api: KubeApi, host: str = HOST, **options: Any) -> Cluster:
        return read_for_host(connected(api), host, **{"kinds": kinds_read(), "deadline_seconds": 5.0, **options})

    return read_it


def listed(api: KubeApi) -> set[str]:
    """The resources that were asked for, discovery apart."""
    found: set[str] = set()
    for line in api.requests:
        parts = line.partition(" ")[2].partition("?")[0].strip("/").split("/")
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        rest = rest[2:] if rest[:1] == ["namespaces"] and len(rest) > 2 else rest
        found.update(rest[:1])
    return found


def test_where_nothing_names_the_host_only_gateways_and_routes_are_asked_for(
    filled: KubeApi, read_host: ReadHost
) -> None:
    cluster = read_host(filled, "other.example.com")
    assert listed(filled) <= CLAIMING
    assert "virtualservices" in listed(filled)
    assert cluster.all(SERVICE) == ()
    assert not cluster.has_all(SERVICE, "lab")
    assert cluster.has_all(VIRTUAL_SERVICE, "lab")


def test_what_stands_behind_a_host_is_read_in_its_namespaces(filled: KubeApi, read_host: ReadHost) -> None:
    cluster = read_host(filled)
    assert {"services", "deployments", "pods"} <= listed(filled)
    assert {item.full_name for item in cluster.all(DEPLOYMENT)} == {"lab/greeter", "istio-system/istio-ingressgateway"}
    assert cluster.all(POD) == ()
    [path] = paths_for(cluster, HOST)
    assert path.backend.service is not None
    assert [leg.spoken.value for leg in path.legs] == ["h2", "h2", "h2"]
    assert cluster.has_all(POD, "lab")
    assert not cluster.has_all(POD, "shop")


def test_what_both_steps_brought_is_kept_objects_of_unknown_kinds_too() -> None:
    misspelt = [{"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "a"}}
                for kind in ("Gatewey", "Servise")]  # fmt: skip
    first, second = (cluster_of([raw]) for raw in misspelt)
    both = merged(first, second)
    assert [item.kind.name for item in both.strangers] == ["Gatewey", "Servise"]
    assert both.read_at == first.read_at


def test_secrets_are_asked_for_by_name_and_never_listed(filled: KubeApi, read_host: ReadHost) -> None:
    cluster = read_host(filled)
    asked = [line.partition("?")[0] for line in filled.asked("/secrets")]
    assert asked
    assert all(line.endswith("/secrets/tls") for line in asked)
    [secret] = cluster.all(SECRET)
    assert "tls.key" not in str(secret.raw.get("data", ""))
    assert "PRIVATE KEY" not in str(secret.raw)


def test_secrets_are_left_alone_where_the_user_says_so(filled: KubeApi, read_host: ReadHost) -> None:
    read_host(filled, secrets=False)
    assert filled.asked("/secrets") == []


@pytest.mark.parametrize("host", [HOST, "other.example.com"])
def test_nothing_but_get_is_ever_sent(filled: KubeApi, read_host: ReadHost, host: str) -> None:
    read_host(filled, host)
    assert {line.partition(" ")[0] for line in filled.requests} == {"GET"}


def test_no_list_is_asked_for_twice(filled: KubeApi, read_host: ReadHost) -> None:
    read_host(filled)
    lists = [line for line in filled.requests if "limit=" in line]
    assert lists
    assert len(lists) == len(set(lists))


@pytest.mark.parametrize("plural", ["services", "virtualservices", "pods"])
def test_what_is_refused_is_a_blind_spot_of_the_whole(filled: KubeApi, read_host: ReadHost, plural: str) -> None:
    filled.fail(plural, Fault(403))
    cluster = read_host(filled, HOST)
    assert any(plural in f"{spot.what} {spot.why} {spot.decide}" for spot in cluster.blind_spots), cluster.blind_spots


def test_two_readings_are_one_cluster(filled: KubeApi, read_host: ReadHost) -> None:
    first, second = read_host(filled, "other.example.com"), read_host(filled)
    whole = merged(first, second)
    assert {item.title for item in whole.objects} == {item.title for item in (*first.objects, *second.objects)}
    assert whole.name == first.name
    assert whole.has_all(POD, "lab")
    assert whole.has_all(VIRTUAL_SERVICE, "lab")


def test_a_services_own_name_needs_no_route_to_be_read(filled: KubeApi, read_host: ReadHost) -> None:
    cluster = read_host(filled, "greeter.lab.svc.cluster.local")
    assert cluster.get(SERVICE, "lab", "greeter") is not None
    assert paths_for(cluster, "greeter.lab.svc.cluster.local")
