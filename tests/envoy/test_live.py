"""What the views say of the lab's real Envoy is what happens there: its own access log is the judge."""

from __future__ import annotations

import time

import pytest

from grpcdoctor.diagnosis.envoy_inspection import inspect_envoy
from grpcdoctor.envoy.admin import read_admin
from grpcdoctor.envoy.request import Outcome, route_request
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.codes import GrpcStatus
from tests.lab.envoy import Envoy
from tests.lab.envoy_scenarios import LISTENERS
from tests.lab.raw_client import call

# What Envoy logs (RESPONSE_CODE_DETAILS) where a request ends in one of these ways.
DETAILS = {
    "route_not_found": {Outcome.NO_HOST, Outcome.NO_ROUTE},
    "cluster_not_found": {Outcome.NO_CLUSTER},
    "no_healthy_upstream": {Outcome.NO_ENDPOINT},
    "direct_response": {Outcome.NOT_FORWARDED},
}
IN_CLEAR = sorted(name for name, scenario in LISTENERS.items() if not scenario.tls and scenario.codec != "HTTP1")
# What the filter that ends the call is called, and the details that Envoy logs then.
ENDED_BY = {
    "fault-abort-grpc": ("fault", "fault_filter_abort"),
    "fault-abort-http": ("fault", "fault_filter_abort"),
    "rbac-deny-all": ("rbac", "rbac_access_denied"),
    "jwt-required": ("jwt_authn", "jwt_authn_access_denied"),
    "rate-limited": ("local_ratelimit", "local_rate_limited"),
}


def proxy_of(envoy: Envoy) -> Proxy:
    return read_admin(f"http://127.0.0.1:{envoy.admin_port}")


def details_of(envoy: Envoy, name: str) -> str:
    """What Envoy logs of one more call."""
    before = len(envoy.logged(name))
    call(envoy.port(name))
    for _ in range(100):
        if len(envoy.logged(name)) > before:
            break
        time.sleep(0.05)
    return str(envoy.logged(name)[-1]["details"])


def test_every_listener_is_there_where_it_listens(envoy: Envoy) -> None:
    proxy = proxy_of(envoy)
    assert proxy.blind_spots == ()
    ports = {name: envoy.port(name) for name in LISTENERS}
    assert {listener.name: listener.port for listener in proxy.serving} == ports


@pytest.mark.parametrize("name", sorted(LISTENERS))
def test_a_listener_speaks_what_it_was_configured_to(envoy: Envoy, name: str) -> None:
    scenario, listener = LISTENERS[name], proxy_of(envoy).listener(name)
    assert listener is not None
    (chain,) = listener.chains
    assert chain.http is not None
    assert chain.http.codec == scenario.codec
    assert (chain.tls.alpn if chain.tls else None) == (scenario.alpn if scenario.tls else None)
    assert (chain.tls is not None and chain.tls.require_client_certificate) == scenario.client_certificates


@pytest.mark.parametrize("name", IN_CLEAR)
def test_a_request_ends_where_envoy_itself_says_that_it_ended(envoy: Envoy, name: str) -> None:
    found = route_request(proxy_of(envoy), "localhost", "/lab.Greeter/SayHello", listener=name, port=envoy.port(name))
    assert found.listener is not None
    assert found.listener.name == name
    said = details_of(envoy, name)
    expected = DETAILS.get(said.partition("{")[0])
    if expected is not None:
        assert found.outcome in expected, said
    else:
        assert found.outcome is Outcome.FORWARDED, said


@pytest.mark.parametrize("name", IN_CLEAR)
def test_what_clients_are_said_to_get_is_what_they_get(envoy: Envoy, name: str) -> None:
    found = route_request(proxy_of(envoy), "localhost", "/lab.Greeter/SayHello", listener=name, port=envoy.port(name))
    if found.symptom:
        status = call(envoy.port(name)).grpc_status
        assert status is not None
        assert found.symptom.startswith(GrpcStatus(int(status)).name)


@pytest.mark.parametrize("name", sorted(ENDED_BY))
def test_the_filter_that_ends_a_call_is_on_the_way_that_is_shown(envoy: Envoy, name: str) -> None:
    kind, details = ENDED_BY[name]
    found = route_request(proxy_of(envoy), "localhost", "/lab.Greeter/SayHello", listener=name, port=envoy.port(name))
    assert details in details_of(envoy, name)
    assert [item.kind for item in found.filters if item.acts] == [kind]


def test_counters_move_with_calls(envoy: Envoy) -> None:
    before = proxy_of(envoy)
    call(envoy.port("upstream-refused"))
    after = proxy_of(envoy)

    def failed(proxy: Proxy) -> int:
        return proxy.stats.cluster("closed", "upstream_cx_connect_fail")

    assert failed(after) > failed(before)
    cluster = after.cluster("closed")
    assert cluster is not None
    assert cluster.endpoints[0].count("cx_connect_fail") >= 1


def test_the_report_of_a_real_envoy_has_no_blind_spot(envoy: Envoy) -> None:
    report = inspect_envoy(proxy_of(envoy))
    assert report.blind_spots == ()
    assert report.envoy is not None
    assert {cluster.name for cluster in report.envoy.clusters if not cluster.used} == set()
