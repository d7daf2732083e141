"""Which listener takes a route."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.gateway_api.parents import Refusal, api_routes, attachments
from tests.cluster.gateway_api.setups import cluster, gateway, route

SAME = "[{name: https, port: 443, protocol: HTTPS}]"
TWO = (
    "[{name: a, port: 80, protocol: HTTP, hostname: '*.example.com', allowedRoutes: {namespaces: {from: All}}},"
    " {name: b, port: 81, protocol: HTTP, hostname: x.example.org, allowedRoutes: {namespaces: {from: All}}}]"
)
SELECTOR = (
    "[{name: https, port: 443, protocol: HTTPS,"
    " allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {exposed: 'yes'}}}}}]"
)
SPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: prod, labels: {exposed: '%s'}}}"


def attached(*texts: str) -> tuple[list[str], list[str]]:
    """(names of the listeners that take the route, reasons of those that refuse it)."""
    built = cluster(*texts)
    found = [a for r in api_routes(built) for a in attachments(built, r)]
    return [t.listener.name for a in found for t in a.taken], [reason for a in found for _, reason in a.refused]


def test_a_listener_without_allowed_routes_takes_those_of_its_own_namespace_only() -> None:
    assert attached(gateway(listeners=SAME), route()) == ([], [Refusal.NAMESPACE])


def test_hostnames_decide_between_listeners() -> None:
    assert attached(gateway(listeners=TWO), route()) == (["a"], [Refusal.HOSTNAME])


def test_a_section_name_picks_one_listener() -> None:
    parent = {"name": "public", "namespace": "infra", "sectionName": "b"}
    assert attached(gateway(listeners=TWO), route(parentRefs=[parent])) == ([], [Refusal.HOSTNAME])


@pytest.mark.parametrize("extra", [{"sectionName": "c"}, {"port": 8080}])
def test_a_section_or_port_that_no_listener_has_names_none(extra: dict[str, object]) -> None:
    built = cluster(gateway(listeners=TWO), route(parentRefs=[{"name": "public", "namespace": "infra", **extra}]))
    assert [a.names_no_listener for r in api_routes(built) for a in attachments(built, r)] == [True]


@pytest.mark.parametrize(("label", "taken"), [("yes", ["https"]), ("no", [])])
def test_a_selector_goes_by_the_namespaces_labels(label: str, taken: list[str]) -> None:
    assert attached(gateway(listeners=SELECTOR), route(), SPACE % label)[0] == taken


def test_a_namespace_that_is_not_shown_is_not_refused() -> None:
    assert attached(gateway(listeners=SELECTOR), route())[0] == ["https"]


def test_a_passthrough_listener_takes_tls_routes_only() -> None:
    listeners = (
        "[{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}]"
    )
    assert attached(gateway(listeners=listeners), route()) == ([], [Refusal.KIND])
    assert attached(gateway(listeners=listeners), route("TLSRoute"))[0] == ["tls"]


def test_a_list_of_kinds_leaves_the_others_out() -> None:
    listeners = (
        "[{name: https, port: 443, protocol: HTTPS,"
        " allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}}]"
    )
    assert attached(gateway(listeners=listeners), route()) == ([], [Refusal.KIND])
    assert attached(gateway(listeners=listeners), route("HTTPRoute"))[0] == ["https"]
