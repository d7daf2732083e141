"""With namespaces asked for: the bulk is read there and where gateways run; configuration is read everywhere."""

from __future__ import annotations

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.kinds import INGRESS_CLASS, ISTIO_GATEWAY, NAMESPACE, POD, SECRET, SERVICE
from grpcdoctor.cluster.live.scope import gateway_namespaces
from grpcdoctor.cluster.snapshot import Cluster
from tests.cluster.live.conftest import Read
from tests.cluster.live.things import istio_gateway, namespace, pod, service, tls_secret
from tests.lab.certificates import lab_certificates
from tests.lab.kube_api import Fault, KubeApi

NAMES = ("prod", "edge", "istio-system", "batch")


def fill(api: KubeApi) -> None:
    """Four namespaces with a Pod and a Service each; the one in `edge` is where traffic enters."""
    for name in NAMES:
        api.add(namespace(name), pod("p", name), service("s", name))
    api.add(service("entrance", "edge", type="LoadBalancer", ports=[{"port": 443}]), istio_gateway(namespace="edge"))


def pods_of(cluster: Cluster) -> set[str]:
    return {item.namespace for item in cluster.all(POD)}


def test_the_bulk_is_read_where_it_was_asked_for_and_where_gateways_run(api: KubeApi, read: Read) -> None:
    fill(api)
    cluster = read(api, namespaces=["prod"])
    assert pods_of(cluster) == {"prod", "edge", "istio-system"}
    assert cluster.has_all(POD, "prod")
    assert cluster.has_all(POD, "edge")
    assert not cluster.has_all(POD, "batch")
    assert not cluster.has_all(POD)
    assert cluster.has_all(SERVICE)
    assert len(cluster.all(SERVICE)) == 5
    assert cluster.blind_spots == ()
    assert api.asked("/api/v1/pods") == []


def test_an_entrance_is_known_by_its_type_and_its_ports_or_labels() -> None:
    labelled = service("a", "labelled", type="NodePort")
    labelled["metadata"]["labels"] = {"app.kubernetes.io/name": "ingress-nginx"}
    services = [
        labelled,
        service("b", "web", type="LoadBalancer", ports=[{"port": 80}]),
        service("c", "database", type="LoadBalancer", ports=[{"port": 5432}]),
        service("d", "inner", ports=[{"port": 443}]),
    ]
    found = gateway_namespaces(cluster_of(services).all(SERVICE))
    assert found == {"istio-system", "labelled", "web"}


def test_who_may_read_nothing_elsewhere_has_a_word_and_a_verdict(api: KubeApi, read: Read) -> None:
    fill(api)
    for resource in ("services", "gateways", "namespaces", "nodes", "ingressclasses"):
        api.fail(resource, Fault(403, namespace=""))
    for resource in ("pods", "services", "gateways", "endpointslices"):
        api.fail(resource, Fault(403, namespace="istio-system"))
    cluster = read(api, namespaces=["prod"])
    assert pods_of(cluster) == {"prod"}
    assert cluster.has_all(SERVICE, "prod")
    assert not cluster.has_all(SERVICE)
    assert cluster.has_all(ISTIO_GATEWAY, "prod")
    assert not cluster.has_all(INGRESS_CLASS)
    assert [spot for spot in cluster.blind_spots if spot.blocks_verdict] == []
    assert [spot.what for spot in cluster.blind_spots] == [
        "namespaces, nodes and ingressclasses.networking.k8s.io",
        "services and gateways.networking.istio.io outside prod",
        "pods and endpointslices.discovery.k8s.io in istio-system",
    ]


def test_a_namespace_that_was_asked_for_and_is_forbidden_blocks_the_verdict(api: KubeApi, read: Read) -> None:
    fill(api)
    api.fail("pods", Fault(403, namespace="prod"))
    [spot] = read(api, namespaces=["prod", "batch"]).blind_spots
    assert (spot.what, spot.blocks_verdict) == ("pods in prod", True)
    assert spot.why.endswith(
        "may not list pods; grant it: kubectl create role grpcdoctor-reader -n prod --verb=get,list --resource=pods && "
        "kubectl create rolebinding grpcdoctor-reader -n prod --role=grpcdoctor-reader --serviceaccount=lab:reader"
    )
    assert spot.decide == "kubectl auth can-i list pods -n prod"


def test_a_namespace_may_be_known_by_name_to_those_who_may_not_list_them(api: KubeApi, read: Read) -> None:
    fill(api)
    api.fail("namespaces", Fault(403, times=1))
    cluster = read(api, namespaces=["prod"])
    assert cluster.namespace_labels("prod") == {"kubernetes.io/metadata.name": "prod"}
    assert cluster.knows(NAMESPACE, "", "prod")
    assert not cluster.has_all(NAMESPACE)


def test_a_namespace_that_does_not_exist_is_said(api: KubeApi, read: Read) -> None:
    fill(api)
    [spot] = read(api, namespaces=["prdo"]).blind_spots
    assert (spot.what, spot.why) == ("namespace prdo", "lab has no namespace of this name; did you mean prod?")


def test_the_secret_of_a_gateway_elsewhere_is_found_where_its_pods_run(api: KubeApi, read: Read) -> None:
    fill(api)
    ingress = pod("ingress", "edge")
    ingress["metadata"]["labels"] = {"istio": "ingressgateway"}
    api.add(ingress, istio_gateway("mine", "prod", "mine-tls"), tls_secret("mine-tls", "edge", lab_certificates().good))
    cluster = read(api, namespaces=["prod"])
    assert cluster.get(SECRET, "edge", "mine-tls") is not None
    assert cluster.get(SECRET, "prod", "mine-tls") is None
    assert cluster.knows(SECRET, "prod", "mine-tls")
    assert not cluster.knows(SECRET, "prod", "other")
