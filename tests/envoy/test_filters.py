"""What HTTP filters are said to do to a request; the text forms of the admin API where they are odd."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.envoy import text_forms
from grpcdoctor.envoy.filters import applied
from grpcdoctor.envoy.http import http_filter as read_filter
from grpcdoctor.envoy.matching import Request
from grpcdoctor.envoy.routes import Route
from tests.envoy.shapes import http_filter

Json = dict[str, Any]
ALL = {"default_value": {"numerator": 100}}
FIVE_IN_TEN_THOUSAND = {"numerator": 5, "denominator": "TEN_THOUSAND"}
BUCKET = {"max_tokens": 10, "tokens_per_fill": 5, "fill_interval": "1s"}


@pytest.mark.parametrize(
    ("name", "message", "config", "said"),
    [
        ("fault", "HTTPFault", {"abort": {"grpc_status": 14, "percentage": FIVE_IN_TEN_THOUSAND}},
         "aborts 0.05% with gRPC status 14"),
        ("fault", "HTTPFault", {"delay": {"fixed_delay": "0.250s", "percentage": {"numerator": 100}}},
         "delays 100% by 250 ms"),
        ("rbac", "RBAC", {"rules": {"policies": {"ns[prod]": {}}}}, "refuses all but 1 policy: ns[prod]"),
        ("rbac", "RBAC", {"rules": {"action": "DENY", "policies": {"a": {}, "b": {}}}},
         "refuses what matches 2 policies: a, b"),
        ("rbac", "RBAC", {"shadow_rules": {}}, "shadow rules only"),
        ("jwt_authn", "JwtAuthentication", {"rules": [{"match": {"prefix": "/x"}, "requires": {"provider_name": "p"}}]},
         "no token is asked for"),
        ("jwt_authn", "JwtAuthentication", {"rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]},
         "wants a token"),
        ("jwt_authn", "JwtAuthentication", {"rules": [{"match": {"prefix": "/"}, "requires": {"allow_missing": {}}}]},
         "checks a token if there is one"),
        ("ext_authz", "ExtAuthz", {"grpc_service": {"envoy_grpc": {"cluster_name": "authz"}}},
         "asks authz, refuses when it cannot"),
        ("local_ratelimit", "LocalRateLimit", {"token_bucket": BUCKET, "filter_enabled": ALL, "filter_enforced": ALL},
         "10 calls at once, 5 more every 1 s"),
        ("local_ratelimit", "LocalRateLimit", {"token_bucket": BUCKET}, "counts, refuses nothing"),
        ("buffer", "Buffer", {"max_request_bytes": 1000},
         "waits for the whole request (at most 1000 bytes): it breaks streams"),
        ("cors", "Cors", {}, "no policy on this route"),
        ("unheard_of", "Unheard", {}, ""),
    ],
)  # fmt: skip
def test_a_filter_is_said_in_words(name: str, message: str, config: Json, said: str) -> None:
    found = applied(read_filter(http_filter(name, message, **config)), None, Request("x", "/s/m"))
    assert found.note == said


@pytest.mark.parametrize("level", ["route", "virtual host", "route configuration"])
def test_what_is_said_to_a_filter_further_in_counts(level: str) -> None:
    config = {"@type": "x.HTTPFault", "abort": {"http_status": 500}}
    said = {"typed_per_filter_config": {"envoy.filters.http.fault": config}}
    off = {"typed_per_filter_config": {"envoy.filters.http.fault": {"@type": "x.FilterConfig", "disabled": True}}}
    order = ["route", "virtual host", "route configuration"]
    raw = {each: said if each == level else off if order.index(each) > order.index(level) else {} for each in order}
    route = Route(raw["route"], 0, raw["virtual host"], raw["route configuration"])
    found = applied(read_filter(http_filter("fault", "HTTPFault")), route, Request("x", "/s/m"))
    assert found.on
    assert found.note == f"aborts 0% with HTTP 500 ({level})"


def test_a_filter_that_is_off_in_the_chain_is_on_where_a_route_asks_for_it() -> None:
    item = http_filter("fault", "HTTPFault") | {"disabled": True}
    assert not applied(read_filter(item), None, Request("x", "/s/m")).on
    route = Route({"typed_per_filter_config": {"envoy.filters.http.fault": {"@type": "x.HTTPFault"}}}, 0, {}, {})
    assert applied(read_filter(item), route, Request("x", "/s/m")).on


def test_an_ipv6_endpoint_of_the_text_form_is_whole() -> None:
    lines = ["a::added_via_api::true", "a::[2001:db8::1]:50051::cx_active::3", "a::[2001:db8::1]:50051::health_flags::"
             "/failed_active_hc/failed_eds_health", "a::outlier::success_rate_average::-1"]  # fmt: skip
    (status,) = text_forms.clusters(lines)
    (host,) = status["host_statuses"]
    assert host["address"] == {"socket_address": {"address": "2001:db8::1", "port_value": 50051}}
    assert host["health_status"] == {"eds_health_status": "UNHEALTHY", "failed_active_health_check": True}
    assert host["stats"] == [{"name": "cx_active", "value": "3"}]


def test_prometheus_names_are_taken_back_to_envoys() -> None:
    lines = [
        "# TYPE envoy_cluster_upstream_rq counter",
        'envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="outbound|80||a.b;"} 7',
        'envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="web"} 2',
        'envoy_cluster_upstream_cx_length_ms_bucket{envoy_cluster_name="a",le="0.5"} 0',
        'envoy_cluster_version{envoy_cluster_name="a"} NaN',
        'envoy_listener_manager_lds_update_rejected{} 1',
        "istio_requests_total 5",
    ]  # fmt: skip
    assert text_forms.prometheus(lines) == {
        "cluster.outbound|80||a.b;.upstream_rq_503": 7,
        "http.web.downstream_rq_xx_5xx": 2,
        "listener_manager.lds_update_rejected": 1,
    }
