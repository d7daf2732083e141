"""Where a host's entrance can be dialled: load balancers, node ports, external addresses, and what is still pending."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.entrance_addresses import EntranceAddress, addresses_for
from tests.cluster.gateway_api.setups import cluster, gateway, route, service
from tests.table.cluster_behind import HOST, behind

Raw = dict[str, Any]
ROUTER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "router", "namespace": "infra"},
    "spec": {
        "template": {
            "metadata": {"labels": {"istio": "ingressgateway"}},
            "spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "router"]}]},
        }
    },
}


def front(status: Any = None, name: str = "ingress", **spec: Any) -> Raw:
    whole = {
        "type": "LoadBalancer",
        "selector": {"istio": "ingressgateway"},
        "ports": [{"name": "https", "port": 443, "targetPort": 8443, "nodePort": 30443}],
        **spec,
    }
    found: Raw = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "infra"},
        "spec": whole,
    }
    return found if status is None else {**found, "status": status}


def node(name: str, **addresses: str) -> Raw:
    status = {"addresses": [{"type": kind, "address": address} for kind, address in addresses.items()]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def balancer(*entries: Any) -> Raw:
    return {"loadBalancer": {"ingress": list(entries)}}


def all_ways(*more: Raw, gateway_named: str | None = None, tls: bool = True) -> tuple[EntranceAddress, ...]:
    return addresses_for(cluster_of([*inside(tls), ROUTER, *more]), HOST, gateway_named)


def inside(tls: bool) -> list[Raw]:
    """The objects of the application and its Gateway, without pods of the gateway and a Service in front of them."""
    return [raw for raw in behind({}, tls) if raw["metadata"].get("namespace") == "lab"]


def way(*more: Raw) -> EntranceAddress:
    [found] = all_ways(*more)
    return found


@pytest.mark.parametrize(
    ("entries", "addresses"),
    [
        ([{"ip": "203.0.113.7"}], ("203.0.113.7",)),
        ([{"hostname": "lb.example.com"}], ("lb.example.com",)),
        ([{"ip": "203.0.113.7"}, {"hostname": "lb.example.com"}], ("203.0.113.7", "lb.example.com")),
        ([{"ip": "203.0.113.7", "hostname": "lb.example.com"}], ("203.0.113.7",)),
        ([None, {}, {"ip": ""}, {"ip": "203.0.113.7"}], ("203.0.113.7",)),
    ],
)
def test_a_load_balancer_is_dialled_by_its_status(entries: list[Any], addresses: tuple[str, ...]) -> None:
    found = way(front(balancer(*entries)))
    assert (found.addresses, found.port, found.tls, found.pending) == (addresses, 443, True, False)
    assert found.dial == (addresses[0], 443)
    assert found.object.title == "Service infra/ingress"


@pytest.mark.parametrize("status", [{}, {"loadBalancer": {}}, balancer(), {"loadBalancer": None}])
def test_a_load_balancer_without_an_address_is_pending(status: Raw) -> None:
    found = way(front(status))
    assert (found.pending, found.addresses) == (True, ())


def test_a_manifest_has_no_status_and_nothing_is_pending() -> None:
    found = way(front())
    assert (found.pending, found.dial) == (False, None)


def test_only_a_load_balancer_waits_for_an_address() -> None:
    assert not way(front({"loadBalancer": {}}, type="ClusterIP")).pending
    assert not way(front({"loadBalancer": {}}, type="NodePort")).pending


def test_a_node_port_is_dialled_at_a_nodes_external_address() -> None:
    nodes = node("a", InternalIP="10.0.0.1", ExternalIP="203.0.113.1"), node("b", InternalIP="10.0.0.2")
    found = way(front({}, type="NodePort"), *nodes)
    assert (found.external, found.node_port, found.dial) == (("203.0.113.1",), 30443, ("203.0.113.1", 30443))


def test_a_node_port_is_dialled_at_an_internal_address_where_there_is_no_other() -> None:
    nodes = node("a", Hostname="a", InternalIP="10.0.0.1"), node("b", InternalIP="10.0.0.2")
    found = way(front({}, type="NodePort"), *nodes)
    assert (found.external, found.dial) == (("10.0.0.1", "10.0.0.2"), ("10.0.0.1", 30443))


def test_the_load_balancer_comes_before_the_nodes() -> None:
    found = way(front(balancer({"ip": "203.0.113.7"})), node("a", ExternalIP="203.0.113.1"))
    assert (found.dial, found.external) == (("203.0.113.7", 443), ())


def test_external_addresses_are_dialled_at_the_services_port() -> None:
    found = way(front({}, type="NodePort", externalIPs=["198.51.100.1"]), node("a", ExternalIP="203.0.113.1"))
    assert (found.external, found.dial) == (("198.51.100.1",), ("198.51.100.1", 443))


@pytest.mark.parametrize(
    ("port", "dialled"),
    [({"port": 443, "targetPort": 8443}, 443), ({"port": 8443, "targetPort": 443}, 8443), ({"port": 1}, 443)],
)
def test_the_port_is_the_one_that_leads_to_the_listener(port: Raw, dialled: int) -> None:
    assert way(front(balancer({"ip": "203.0.113.7"}), ports=[port])).port == dialled


def test_without_a_service_in_front_there_is_no_way() -> None:
    assert all_ways() == ()


def test_ways_with_an_address_come_before_those_that_wait() -> None:
    found = all_ways(front({"loadBalancer": {}}, "a"), front(balancer({"ip": "203.0.113.7"}), "b"))
    assert [one.object.name for one in found] == ["b", "a"]


@pytest.mark.parametrize(
    ("named", "count"), [("lab/public", 2), ("infra/a", 1), ("infra/b", 1), ("infra/none", 0), ("lab/a", 0)]
)
def test_a_gateway_may_be_named_by_its_own_name_or_its_services(named: str, count: int) -> None:
    fronts = front(balancer({"ip": "203.0.113.7"}), "a"), front(balancer({"ip": "203.0.113.8"}), "b")
    found = all_ways(*fronts, gateway_named=named)
    assert len(found) == count
    if count == 1:
        assert found[0].object.full_name == named


def test_plaintext_is_dialled_in_plaintext() -> None:
    [found] = all_ways(front(balancer({"ip": "203.0.113.7"}), ports=[{"port": 80}]), tls=False)
    assert (found.tls, found.dial) == (False, ("203.0.113.7", 80))


def gateway_with(status: str) -> tuple[EntranceAddress, ...]:
    built = cluster(gateway().rstrip("\n") + f"\n{status}\n", route(), service())
    return addresses_for(built, "api.example.com")


def test_a_gateway_of_the_gateway_api_has_its_address_in_its_status() -> None:
    [found] = gateway_with("status: {addresses: [{type: IPAddress, value: 203.0.113.7}, {value: lb.example.com}]}")
    assert (found.addresses, found.port, found.pending) == (("203.0.113.7", "lb.example.com"), 443, False)
    assert found.object.title == "Gateway infra/public"


@pytest.mark.parametrize("status", ["status: {}", "status: {addresses: []}", "status: {addresses: [{value: ''}]}"])
def test_a_gateway_without_an_address_is_pending(status: str) -> None:
    [found] = gateway_with(status)
    assert (found.pending, found.dial) == (True, None)


def test_a_gateway_in_a_manifest_is_not_pending() -> None:
    [found] = gateway_with("")
    assert (found.pending, found.dial) == (False, None)


def ingress_with(status: str) -> tuple[EntranceAddress, ...]:
    text = f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: greeter, namespace: prod, annotations: {{nginx.ingress.kubernetes.io/backend-protocol: GRPC}}}}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [api.example.com], secretName: tls}}]
  rules:
  - host: api.example.com
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: greeter, port: {{number: 50051}}}}}}}}]}}
{status}
"""
    assert yaml.safe_load(text)
    return addresses_for(cluster(text, service()), "api.example.com")


def test_an_ingress_has_its_address_in_its_status() -> None:
    [found] = ingress_with("status: {loadBalancer: {ingress: [{hostname: lb.example.com}]}}")
    assert (found.dial, found.tls, found.pending) == (("lb.example.com", 443), True, False)
    assert found.object.title == "Ingress prod/greeter"


def test_an_ingress_waits_for_its_address_where_it_has_a_status() -> None:
    assert [one.pending for one in ingress_with("status: {loadBalancer: {}}")] == [True]
    assert [one.pending for one in ingress_with("")] == [False]


def test_another_host_has_no_way() -> None:
    assert addresses_for(cluster_of([*inside(True), ROUTER, front()]), "other.example.test") == ()
