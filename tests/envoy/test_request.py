"""How a request is routed: Envoy's order of matching for chains, hosts and routes, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.envoy.request import Explanation, Outcome, route_request
from grpcdoctor.envoy.snapshot import Proxy
from tests.envoy.shapes import chain, http_filter, listener, proxy_of

Json = dict[str, Any]


def to(cluster: str, **match: Any) -> Json:
    return {"match": match or {"prefix": "/"}, "route": {"cluster": cluster}}


def host(name: str, *domains: str, routes: list[Json] | None = None) -> Json:
    return {"name": name, "domains": list(domains), "routes": routes or [to(name)]}


def proxy_with(http: Json, clusters: tuple[str, ...] = ("a", "b", "c"), **more: Any) -> Proxy:
    made = [{"name": name, "http": "h2", "endpoints": ["10.0.0.1:80"]} for name in clusters]
    return proxy_of({"listeners": [{"name": "web", "port": 80, "http": http, **more}], "clusters": made})


def cluster_of(found: Explanation) -> str:
    assert found.outcome is Outcome.FORWARDED, (found.outcome, found.notes, found.near_misses)
    return found.destinations[0].name


HOSTS = [
    host("a", "shop.example.com"),
    host("b", "*.example.com"),
    host("c", "*"),
    host("d", "*-canary.example.com"),
    host("e", "shop.*"),
    host("f", "*.shop.example.com", "ported.test:8443"),
]


@pytest.mark.parametrize(
    ("authority", "port", "wanted"),
    [
        ("shop.example.com", None, "a"),
        ("SHOP.example.com", None, "a"),
        ("other.example.com", None, "b"),
        ("x-canary.example.com", None, "d"),
        ("x.shop.example.com", None, "f"),
        ("shop.example.org", None, "e"),
        ("else.test", None, "c"),
        ("shop.example.com", 80, "e"),
        ("ported.test", 8443, "f"),
    ],
)
def test_a_host_is_taken_by_the_most_specific_domain(authority: str, port: int | None, wanted: str) -> None:
    proxy = proxy_with({"virtual_hosts": HOSTS}, clusters=tuple("abcdef"))
    assert cluster_of(route_request(proxy, authority, "/s/m", port=port)) == wanted


@pytest.mark.parametrize("option", ["strip_any_host_port", "strip_matching_host_port", "ignore_port_in_host_matching"])
def test_the_port_of_the_authority_is_taken_off_where_envoy_is_told_so(option: str) -> None:
    http: Json = {"virtual_hosts": [host("a", "shop.example.com")]}
    without = route_request(proxy_with(http), "shop.example.com", "/s/m", port=80)
    assert without.outcome is Outcome.NO_HOST
    assert any("without the port" in miss for miss in without.near_misses)
    if option.startswith("strip"):
        http |= {option: True}
        proxy = proxy_with(http)
    else:
        proxy = proxy_of(
            {
                "listeners": [{"name": "web", "port": 80, "http": {"rds": {"route_config_name": "r"}}}],
                "routes": [{"name": "r", option: True, "virtual_hosts": [host("a", "shop.example.com")]}],
                "clusters": [{"name": "a", "endpoints": ["10.0.0.1:80"]}],
            }
        )
    assert cluster_of(route_request(proxy, "shop.example.com", "/s/m", port=80)) == "a"


@pytest.mark.parametrize(
    ("match", "path", "takes"),
    [
        ({"prefix": "/shop.Cart/"}, "/shop.Cart/Add", True),
        ({"prefix": "/shop.Cart"}, "/shop.CartX/Add", True),
        ({"path": "/shop.Cart/Add"}, "/shop.Cart/Add", True),
        ({"path": "/shop.Cart/Add"}, "/shop.Cart/Add?x=1", True),
        ({"path": "/shop.Cart/Add"}, "/shop.Cart/Added", False),
        ({"path_separated_prefix": "/shop.Cart"}, "/shop.Cart/Add", True),
        ({"path_separated_prefix": "/shop.Cart"}, "/shop.CartX/Add", False),
        ({"prefix": "/SHOP.", "case_sensitive": False}, "/shop.Cart/Add", True),
        ({"safe_regex": {"regex": r"/shop\.(Cart|Order)/.*"}}, "/shop.Order/Place", True),
        ({"safe_regex": {"regex": r"/shop\.(Cart|Order)/"}}, "/shop.Order/Place", False),
        ({"safe_regex": {"regex": r"(a*)*$"}}, "/" + "a" * 4000 + "b", False),
        ({"safe_regex": {"regex": r"/(?=x).*"}}, "/x", False),
        ({"connect_matcher": {}}, "/s/m", False),
        ({"prefix": "/", "grpc": {}}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-canary", "string_match": {"exact": "1"}}]}, "/s/m", False),
        ({"prefix": "/", "headers": [{"name": "x-canary", "present_match": False}]}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-user", "string_match": {"prefix": "al"}}]}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-user", "exact_match": "bob", "invert_match": True}]}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": ":method", "exact_match": "GET"}]}, "/s/m", False),
        ({"prefix": "/", "headers": [{"name": "x-n", "range_match": {"start": "1", "end": "5"}}]}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-n", "range_match": {"start": "3", "end": "5"}}]}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-n", "range_match": {"start": "4", "end": "5"}}]}, "/s/m", False),
        ({"prefix": "/", "query_parameters": [{"name": "v"}]}, "/s/m", False),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}}}, "/s/m", False),
        ({"prefix": "/", "runtime_fraction": {"default_value": {}}}, "/s/m", False),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 5}}}, "/s/m", True),
        ({"prefix": "/", "headers": [{"name": "x-no", "exact_match": "1", "invert_match": True}]}, "/s/m", False),
        ({"prefix": "/", "dynamic_metadata": [{"filter": "x"}]}, "/s/m", False),
    ],
)
def test_the_first_route_that_matches_takes_it(match: Json, path: str, takes: bool) -> None:
    proxy = proxy_with({"routes": [to("a", **match), to("b")]})
    found = route_request(proxy, "x.test", path, headers=(("X-User", "alice"), ("x-n", "3")))
    assert cluster_of(found) == ("a" if takes else "b")


def test_a_route_that_only_a_header_keeps_from_matching_is_said() -> None:
    canary = to("a", prefix="/", headers=[{"name": "x-canary", "string_match": {"exact": "1"}}])
    found = route_request(proxy_with({"routes": [canary, to("b")]}), "x.test", "/s/m")
    assert "x-canary = 1" in found.near_misses[0]


def test_the_value_of_a_secret_header_is_not_said() -> None:
    secret = to("a", prefix="/", headers=[{"name": "authorization", "string_match": {"exact": "hunter2-hunter2"}}])
    found = route_request(proxy_with({"routes": [secret, to("b")]}), "x.test", "/s/m")
    assert "hunter2" not in found.near_misses[0]


def test_a_path_that_no_route_takes_is_met_with_the_nearest_ones() -> None:
    proxy = proxy_with({"routes": [to("a", prefix="/shop.v1.Cart/"), to("b", path="/x")]})
    found = route_request(proxy, "x.test", "/shop.v2.Cart/Add")
    assert found.outcome is Outcome.NO_ROUTE
    assert found.symptom.startswith("UNIMPLEMENTED")
    assert any("/shop.v1.Cart/" in miss for miss in found.near_misses)


def weighted(**weights: int) -> Json:
    clusters = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}}}


def test_weighted_clusters_get_their_shares() -> None:
    found = route_request(proxy_with({"routes": [weighted(a=90, b=10)]}), "x.test", "/s/m")
    assert [(item.name, item.share) for item in found.destinations] == [("a", 90.0), ("b", 10.0)]


def test_a_missing_cluster_that_gets_a_share_is_where_some_calls_end() -> None:
    found = route_request(proxy_with({"routes": [weighted(a=90, gone=10)]}), "x.test", "/s/m")
    assert found.outcome is Outcome.NO_CLUSTER
    unused = route_request(proxy_with({"routes": [weighted(a=100, gone=0)]}), "x.test", "/s/m")
    assert unused.outcome is Outcome.FORWARDED


def test_a_cluster_without_endpoints_is_the_end() -> None:
    proxy = proxy_of(
        {
            "listeners": [{"name": "web", "port": 80, "http": {"routes": [to("a")]}}],
            "clusters": [{"name": "a", "type": "EDS"}],
        }
    )
    found = route_request(proxy, "x.test", "/s/m")
    assert found.outcome is Outcome.NO_ENDPOINT
    assert "no healthy upstream" in found.symptom


CHAINS = [
    chain({"routes": [to("a")]}, tls={"alpn": ["h2"]}, server_names=["shop.example.com"]),
    chain({"routes": [to("b")]}, tls={"alpn": ["h2"]}, server_names=["*.example.com"]),
    chain({"routes": [to("c")]}, transport_protocol="raw_buffer"),
]


@pytest.mark.parametrize(
    ("sni", "tls", "wanted"),
    [("shop.example.com", True, "a"), ("o.example.com", True, "b"), ("x.y.example.com", True, "b"), ("", False, "c")],
)
def test_a_chain_is_taken_by_the_most_specific_server_name(sni: str, tls: bool, wanted: str) -> None:
    made = [{"name": name, "endpoints": ["10.0.0.1:80"]} for name in "abc"]
    proxy = proxy_of({"listeners": [{"name": "web", "filter_chains": CHAINS}], "clusters": made})
    assert cluster_of(route_request(proxy, "shop.example.com", "/s/m", sni=sni, tls=tls)) == wanted


def test_a_server_name_that_no_chain_takes_is_closed_in_the_handshake() -> None:
    proxy = proxy_of({"listeners": [{"name": "web", "filter_chains": CHAINS[:2]}]})
    found = route_request(proxy, "shop.example.org", "/s/m", tls=True)
    assert found.outcome is Outcome.NO_CHAIN
    assert any("shop.example.com" in miss for miss in found.near_misses)


def test_the_default_chain_takes_what_no_other_does() -> None:
    made = listener({"name": "web", "filter_chains": CHAINS[:1], "default_filter_chain": CHAINS[2]})
    proxy = proxy_of({"listeners": [made], "clusters": [{"name": "c", "endpoints": ["10.0.0.1:80"]}]})
    found = route_request(proxy, "elsewhere.test", "/s/m", tls=False)
    assert cluster_of(found) == "c"


def test_envoy_does_not_go_back_to_a_less_specific_chain() -> None:
    """FilterChainManagerImpl: once the server name has matched, only its chains are asked for the ALPN."""
    chains = [
        chain({"routes": [to("a")]}, server_names=["shop.example.com"], application_protocols=["http/1.1"],
              tls={"alpn": ["http/1.1"]}),
        chain({"routes": [to("b")]}, tls={"alpn": ["h2"]}),
    ]  # fmt: skip
    proxy = proxy_of({"listeners": [{"name": "web", "filter_chains": chains}]})
    assert route_request(proxy, "shop.example.com", "/s/m", tls=True).outcome is Outcome.NO_CHAIN


def test_the_virtual_inbound_listener_of_a_sidecar_is_met_by_the_port() -> None:
    chains = [chain({"routes": [to(f"in-{port}")]}, destination_port=port) for port in (8080, 9090)]
    inbound = {"name": "virtualInbound", "port": 15006, "use_original_dst": True, "filter_chains": chains,
               "traffic_direction": "INBOUND"}  # fmt: skip
    made = [{"name": f"in-{port}", "endpoints": ["127.0.0.1:80"]} for port in (8080, 9090)]
    proxy = proxy_of({"listeners": [inbound], "clusters": made})
    assert cluster_of(route_request(proxy, "greeter", "/s/m", port=9090)) == "in-9090"


def test_a_captured_call_goes_to_the_listener_of_its_port_that_does_not_bind() -> None:
    outbound = {"name": "virtualOutbound", "port": 15001, "use_original_dst": True, "tcp": "PassthroughCluster"}
    fifty = {"name": "0.0.0.0_50051", "port": 50051, "bind_to_port": False,
             "http": {"virtual_hosts": [host("a", "greeter.prod.svc.cluster.local:50051")]}}  # fmt: skip
    proxy = proxy_of(
        {
            "listeners": [outbound, fifty],
            "clusters": [{"name": "a", "endpoints": ["10.0.0.1:80"]}],
        }
    )
    found = route_request(proxy, "greeter.prod.svc.cluster.local", "/s/m", port=50051)
    assert found.listener is not None
    assert found.listener.name == "0.0.0.0_50051"
    assert cluster_of(found) == "a"


def test_a_tcp_proxy_hands_everything_on() -> None:
    proxy = proxy_of({"listeners": [{"name": "l4", "port": 80, "tcp": "a"}], "clusters": [{"name": "a"}]})
    found = route_request(proxy, "x.test", "/s/m")
    assert found.outcome is Outcome.NOT_HTTP
    assert found.destinations[0].name == "a"


def test_routes_that_were_not_read_are_no_missing_route() -> None:
    proxy = proxy_of({"listeners": [{"name": "web", "http": {"rds": {"route_config_name": "r"}}}]})
    found = route_request(proxy, "x.test", "/s/m")
    assert found.outcome is Outcome.ROUTES_UNKNOWN
    assert "has not come" in found.notes[0]


def test_every_limit_on_the_way_is_said_with_its_owner() -> None:
    route = to("a") | {"route": {"cluster": "a", "idle_timeout": "20s", "max_grpc_timeout": "0s",
                                 "retry_policy": {"retry_on": "unavailable", "per_try_timeout": "2s"}}}  # fmt: skip
    http = {"routes": [route], "request_timeout": "60s", "common_http_protocol_options": {"max_stream_duration": "90s"}}
    found = route_request(proxy_with(http), "x.test", "/s/m")
    said = {item.name: item.limit.words for item in found.limits if item.owner != "cluster a"}
    assert said == {
        "request_timeout": "60 s",
        "timeout": "15 s (default)",
        "idle_timeout": "20 s",
        "per_try_timeout": "2 s",
        "grpc_timeout_header_max": "off",
        "max_stream_duration": "90 s",
        "max_connection_duration": "off (default)",
    }


def test_filters_are_said_in_order_with_what_the_route_says_to_them() -> None:
    fault = http_filter("fault", "HTTPFault", abort={"http_status": 503, "percentage": {"numerator": 50}})
    cors = http_filter("cors", "Cors")
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    route = to("a") | {"typed_per_filter_config": {"envoy.filters.http.fault": off}}
    http = {"routes": [route | {"match": {"prefix": "/quiet"}}, to("a")], "http_filters": [cors, fault]}
    quiet = route_request(proxy_with(http), "x.test", "/quiet")
    assert [(item.kind, item.on) for item in quiet.filters] == [("cors", True), ("fault", False)]
    loud = route_request(proxy_with(http), "x.test", "/loud")
    assert loud.filters[1].note == "aborts 50% with HTTP 503"


@pytest.mark.parametrize(("codec", "alpn"), [("HTTP1", ["h2"]), ("AUTO", ["http/1.1"])])
def test_a_listener_that_grpc_clients_cannot_speak_to_is_said(codec: str, alpn: list[str]) -> None:
    proxy = proxy_with({"codec_type": codec, "routes": [to("a")]}, tls={"alpn": alpn})
    assert any("gRPC client" in note for note in route_request(proxy, "x.test", "/s/m").notes)


@pytest.mark.parametrize(
    ("route", "symptom"),
    [
        ({"direct_response": {"status": 404}}, "UNIMPLEMENTED, HTTP 404"),
        ({"direct_response": {"status": 503}}, "UNAVAILABLE, HTTP 503"),
        ({"direct_response": {"status": 200}}, "UNKNOWN, HTTP 200"),
        ({"redirect": {"https_redirect": True}}, "UNKNOWN, a redirect"),
        ({"non_forwarding_action": {}}, ""),
    ],
)
def test_what_envoy_answers_itself_is_said_as_a_grpc_client_sees_it(route: Json, symptom: str) -> None:
    found = route_request(proxy_with({"routes": [{"match": {"prefix": "/"}, **route}]}), "x.test", "/s/m")
    assert found.outcome is Outcome.NOT_FORWARDED
    assert found.symptom.startswith(symptom)
    assert bool(found.symptom) is bool(symptom)


def test_a_host_that_wants_tls_redirects_what_comes_in_clear() -> None:
    host_ = host("a", "*") | {"require_tls": "ALL"}
    found = route_request(proxy_with({"virtual_hosts": [host_]}), "x.test", "/s/m")
    assert found.outcome is Outcome.NOT_FORWARDED
    assert "redirect" in found.symptom


SICK = {"address": "10.0.0.1:80", "failed_active_health_check": True}


@pytest.mark.parametrize(("threshold", "outcome"), [(None, Outcome.FORWARDED), ({}, Outcome.NO_ENDPOINT)])
def test_without_a_healthy_endpoint_all_of_them_are_asked_unless_panic_is_off(threshold: Any, outcome: Outcome) -> None:
    cluster: Json = {"name": "a", "endpoints": ["10.0.0.1:80"]}
    if threshold is not None:
        cluster["common_lb_config"] = {"healthy_panic_threshold": threshold}
    proxy = proxy_of(
        {
            "listeners": [{"name": "web", "http": {"routes": [to("a")]}}],
            "clusters": [cluster],
            "cluster_statuses": [{"name": "a", "hosts": [SICK]}],
        }
    )
    found = route_request(proxy, "x.test", "/s/m")
    assert found.outcome is outcome
    assert any("panic" in note for note in found.notes) is (outcome is Outcome.FORWARDED)


def test_an_envoy_without_listeners_is_no_crash() -> None:
    assert route_request(proxy_of({}), "x.test", "/s/m").outcome is Outcome.NO_LISTENER
