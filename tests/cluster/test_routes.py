"""Routes in one form: which paths a match takes, which of them are gRPC's, which rules lead to a port."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.routes import Match, PathKind, routes, rules_to
from grpcdoctor.cluster.services import find_service
from tests.cluster.gateway_api.setups import cluster, gateway, route, service
from tests.patience import AT_ONCE

EXACT, PREFIX, SEGMENTS, REGEX, ANY = (
    PathKind.EXACT, PathKind.PREFIX, PathKind.SEGMENTS, PathKind.REGEX, PathKind.ANY
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "path", "takes"),
    [
        (ANY, "", "/pkg.Svc/Get", True),
        (EXACT, "/pkg.Svc/Get", "/pkg.Svc/Get", True),
        (EXACT, "/pkg.Svc/Get", "/pkg.Svc/GetAll", False),
        (EXACT, "/pkg.Svc/Get", "/pkg.svc/get", False),
        (PREFIX, "/pkg.Svc", "/pkg.Svc2/Get", True),
        (PREFIX, "/pkg.Svc/", "/pkg.Svc2/Get", False),
        (PREFIX, "", "/anything", True),
        (SEGMENTS, "/pkg.Svc", "/pkg.Svc/Get", True),
        (SEGMENTS, "/pkg.Svc/", "/pkg.Svc", True),
        (SEGMENTS, "/pkg.Svc", "/pkg.Svc2/Get", False),
        (SEGMENTS, "/", "/pkg.Svc/Get", True),
        (REGEX, "/pkg\\.(Svc|Other)/.*", "/pkg.Svc/Get", True),
        (REGEX, "/pkg\\.(Svc|Other)/.*", "/pkg.Third/Get", False),
        (REGEX, "/pkg", "/pkg.Svc", False),
        (REGEX, "/[a-z.]+Svc/[A-Z]\\w*", "/pkg.Svc/Get", True),
        (REGEX, "/(", "/pkg.Svc/Get", None),
        (REGEX, "/\\pZ", "/pkg.Svc/Get", None),
        (REGEX, "/" + "a" * 400, "/pkg.Svc/Get", None),
    ],
)
def test_a_match_takes_a_path_as_its_kind_compares(kind: str, value: str, path: str, takes: bool | None) -> None:
    assert Match(kind, value).takes(path) is takes


@given(st.text("/.aB", max_size=6), st.text("/.aB", max_size=6))
def test_whole_segments_are_a_prefix_and_equal_paths_are_both(value: str, path: str) -> None:
    if Match(SEGMENTS, value).takes(path):
        assert Match(PREFIX, value.rstrip("/")).takes(path)
    if Match(EXACT, value).takes(path):
        assert Match(PREFIX, value).takes(path)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b", "(a*)*b", "([a-z]+)*b", "(a{1,9}){1,9}b", "(a|a)*b", "(a|aa)+b", "(a+a?)+b", "((a)+a?)+b",
        "(?:a+\\.?)+b", "(?:(?:a|a))*b", "(a?b?)*c", ".*.*.*.*.*.*.*.*b", "(?P<x>\\w+\\s?)*b", "(.*a){20}b",
    ],
)  # fmt: skip
def test_a_regular_expression_that_could_hang_is_not_tried(pattern: str) -> None:
    began = time.monotonic()
    assert Match(REGEX, f"/{pattern}").takes("/" + "a" * 40 + "!") is None
    assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize(
    "pattern",
    ["/pkg\\.Svc/.*", "/(v1|v2)/.*", "/[(+]+[)*]+x", "/a\\)+b", "/(?:[^/]+)/(?:[^/]+)", "(?i)/pkg.*", "/(ab)+"],
)
def test_usual_regular_expressions_are_read(pattern: str) -> None:
    assert Match(REGEX, pattern).takes("/nothing/of/this") in (True, False)


def test_a_very_long_path_is_not_tried() -> None:
    began = time.monotonic()
    assert Match(REGEX, "/.*a.*b.*c").takes("/" + "a" * 100_000) is None
    assert time.monotonic() - began < AT_ONCE


@given(st.text("()[]{}*+?|.\\ab^$", max_size=30))
def test_no_regular_expression_stops_the_analysis(pattern: str) -> None:
    assert Match(REGEX, pattern).takes("/" + "ab" * 20) in (True, False, None)


@pytest.mark.parametrize(
    ("value", "is_grpc", "may_be"),
    [
        ("/pkg.Svc", True, True),
        ("/pkg.Svc/", True, True),
        ("/pkg.Svc/Get", True, True),
        ("/com.example.shop_2.v1.Svc/Get", True, True),
        ("/grpc.health.v1.Health/Check", True, True),
        ("/api.v1/", False, False),
        ("/api.V1/", True, True),
        ("/v1/Users", False, False),
        ("/Greeter/SayHello", False, True),
        ("/Greeter/", False, False),
        ("/pkg.Svc/Get/More", False, False),
        ("/pkg.Svc/Get?x", False, False),
        ("pkg.Svc/Get", False, False),
        ("/index.html", False, False),
        ("/1.Svc/Get", False, False),
        ("/", False, False),
    ],
)
def test_paths_of_grpc_are_told_from_those_of_rest(value: str, is_grpc: bool, may_be: bool) -> None:
    match = Match(PREFIX, value)
    assert (match.looks_like_grpc, match.may_be_grpc) == (is_grpc, may_be)


def test_a_regular_expression_is_no_grpc_path() -> None:
    assert not Match(REGEX, "/pkg.Svc/Get").looks_like_grpc
    assert not Match(REGEX, "/Greeter/SayHello").may_be_grpc


@pytest.mark.parametrize(
    ("match", "everything"),
    [
        (Match(), True), (Match(PREFIX, "/"), True), (Match(SEGMENTS, "/"), True), (Match(EXACT, "/"), False),
        (Match(REGEX, ".*"), True), (Match(REGEX, "/.*"), True), (Match(REGEX, "/a.*"), False),
        (Match(PREFIX, "/a"), False), (Match(PREFIX, ".*"), False),
    ],
)  # fmt: skip
def test_what_takes_everything(match: Match, everything: bool) -> None:
    assert match.is_everything is everything


def test_a_rule_takes_everything_where_no_condition_is_left() -> None:
    built = cluster(
        gateway(),
        route(rules=[{"matches": [{"method": {"service": "pkg.Svc"}}], "backendRefs": []}, {"backendRefs": []}]),
        route("HTTPRoute", rules=[{"matches": [{"path": {"value": "/"}, "headers": [{"name": "a", "value": "b"}]}]}]),
    )
    found = {(rule.object.kind.name, rule.path[-1]): rule for rule in routes(built)}
    assert not found["GRPCRoute", 0].takes_everything
    assert found["GRPCRoute", 1].takes_everything
    assert not found["HTTPRoute", 0].takes_everything


def test_a_rule_of_grpc_is_one_by_its_route_or_its_path() -> None:
    paths = [{"matches": [{"path": {"value": value}}]} for value in ("/pkg.Svc", "/v1")]
    built = cluster(gateway(), route(), route("HTTPRoute", rules=paths))
    found = {(rule.object.kind.name, rule.path[-1]): rule.looks_like_grpc for rule in routes(built)}
    assert found == {("GRPCRoute", 0): True, ("HTTPRoute", 0): True, ("HTTPRoute", 1): False}


def test_the_rules_that_lead_to_a_port_are_found_from_the_port() -> None:
    built = cluster(gateway(), route(), service("{name: grpc, port: 50051}, {name: other, port: 1}"))
    greeter = find_service(built, "prod", "greeter")
    assert greeter is not None
    [(rule, backend)] = rules_to(built, greeter.ports[0])
    assert (rule.object.title, backend.title) == ("GRPCRoute prod/greeter", "prod/greeter:50051")
    assert rules_to(built, greeter.ports[1]) == ()
