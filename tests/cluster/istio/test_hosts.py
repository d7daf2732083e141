"""Host names as Istio reads them: short names, wildcards, and what is registered under a name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.istio.hosts import (
    covers,
    domain_of,
    find_host,
    full_host,
    most_specific,
    overlap,
    ports_of,
    service_name_of,
    visible_from,
)
from grpcdoctor.cluster.kinds import DESTINATION_RULE, SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service
from grpcdoctor.cluster.snapshot import Cluster
from tests.cluster.istio.test_protocol import entry
from tests.cluster.test_services import service

NAMES = st.builds(
    lambda star, labels: star + ".".join(labels),
    st.sampled_from(["", "*.", "*"]),
    st.lists(st.sampled_from(["a", "b", "B"]), min_size=1, max_size=3),
)


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("greeter", "greeter.prod.svc.cluster.local"),
        ("Greeter", "greeter.prod.svc.cluster.local"),
        ("greeter.shop", "greeter.shop"),
        ("greeter.shop.svc", "greeter.shop.svc"),
        ("greeter.shop.svc.cluster.local", "greeter.shop.svc.cluster.local"),
        ("API.example.com", "api.example.com"),
        ("*.example.com", "*.example.com"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_only_a_name_without_a_dot_is_completed(host: str, full: str) -> None:
    assert full_host(host, "prod") == full


@pytest.mark.parametrize(
    ("full", "named"),
    [
        ("greeter.prod.svc.cluster.local", ("prod", "greeter")),
        ("greeter.prod.svc.corp.internal", ("prod", "greeter")),
        ("greeter.prod.svc.", None),
        ("greeter.prod.svc", None),
        ("greeter.prod", None),
        ("pod-0.greeter.prod.svc.cluster.local", None),
        ("*.prod.svc.cluster.local", None),
        ("greeter.svc.cluster.local", None),
        (".prod.svc.cluster.local", None),
        ("api.example.com", None),
        ("", None),
    ],
)
def test_a_services_name_is_read_out_of_its_full_one_in_any_domain(full: str, named: tuple[str, str] | None) -> None:
    assert service_name_of(full) == named


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.com", "a.com", True),
        ("A.com", "a.COM", True),
        ("a.com", "b.com", False),
        ("*", "a.com", True),
        ("*", "*", True),
        ("a.com", "*", False),
        ("*.a.com", "x.a.com", True),
        ("*.a.com", "x.y.a.com", True),
        ("*.a.com", "a.com", False),
        ("*.a.com", "xa.com", False),
        ("*.a.com", "*.b.a.com", True),
        ("*.a.com", "*.a.com", True),
        ("*.b.a.com", "*.a.com", False),
        ("*.a.com", "*a.com", False),
        ("*a.com", "*.a.com", True),
        ("x.a.com", "*.a.com", False),
    ],
)
def test_a_wildcard_covers_what_is_below_it(pattern: str, host: str, covered: bool) -> None:
    assert covers(pattern, host) is covered


@given(NAMES, NAMES, NAMES)
def test_what_is_covered_twice_over_is_covered(one: str, two: str, three: str) -> None:
    assert covers(one, one)
    if covers(one, two) and covers(two, three):
        assert covers(one, three)


@given(NAMES, NAMES)
def test_two_names_overlap_both_ways_round(one: str, two: str) -> None:
    assert overlap(one, two) is overlap(two, one)
    assert overlap(one, two) or not covers(one, two)


@pytest.mark.parametrize(
    ("hosts", "best"),
    [
        (["*", "*.a.com", "*.b.a.com", "x.b.a.com"], "x.b.a.com"),
        (["*", "*.a.com", "*.b.a.com"], "*.b.a.com"),
        (["*", "*.c.com"], "*"),
        (["*.c.com"], None),
        ([], None),
    ],
)
def test_the_exact_host_fits_best_and_then_the_longest_wildcard(hosts: list[str], best: str | None) -> None:
    assert most_specific(hosts, "x.b.a.com") == best
    assert most_specific(hosts[::-1], "x.b.a.com") == best


def named(name: str, *hosts: Any) -> dict[str, Any]:
    found = entry({"number": 443, "protocol": "TLS"})
    found["metadata"]["name"] = name
    found["spec"]["hosts"] = [*hosts]
    return found


def test_a_service_is_found_under_its_full_name_in_any_domain() -> None:
    cluster = cluster_of([service({"port": 80})])
    for domain in ("cluster.local", "corp.internal"):
        found = find_host(cluster, f"greeter.prod.svc.{domain}")
        assert isinstance(found, Service)
        assert [port.number for port in ports_of(found)] == [80]
    assert find_host(cluster, "greeter.shop.svc.cluster.local") is None
    assert find_host(cluster, "greeter.prod") is None


def test_a_service_entry_is_found_by_its_host_or_by_the_longest_wildcard() -> None:
    cluster = cluster_of(
        [named("all", "*.com"), named("wide", "*.example.com"), named("one", "API.example.com", None, 7)]
    )

    def name(host: str) -> str | None:
        found = find_host(cluster, host)
        return found.name if found is not None else None

    assert name("api.example.com") == "one"
    assert name("other.example.com") == "wide"
    assert name("example.com") == "all"
    assert name("example.org") is None


def test_a_service_entry_may_stand_for_a_service_that_is_not_here() -> None:
    found = find_host(cluster_of([named("far", "far.prod.svc.cluster.local")]), "far.prod.svc.cluster.local")
    assert isinstance(found, Object)
    assert [port.number for port in ports_of(found)] == [443]


@pytest.mark.parametrize(
    ("export", "seen", "unseen"),
    [
        (None, ["prod", "test"], []),
        ([], ["prod", "test"], []),
        (["*"], ["prod", "test"], []),
        (["."], ["prod"], ["test"]),
        (["test"], ["test"], ["prod"]),
        ([".", "test"], ["prod", "test"], ["other"]),
        (["~"], [], ["prod", "test"]),
        (["~", "test"], [], ["prod", "test"]),
        ("junk", ["prod", "test"], []),
    ],
)
def test_export_to_says_who_sees_it(export: Any, seen: list[str], unseen: list[str]) -> None:
    raw = {"metadata": {"name": "r"}, "spec": {"exportTo": export}}
    item = Object(DESTINATION_RULE, raw, "prod")
    assert all(visible_from(item, space) for space in seen)
    assert not any(visible_from(item, space) for space in unseen)


@pytest.mark.parametrize(
    ("export", "seen", "unseen"),
    [
        (None, ["prod", "test"], []),
        ("", ["prod", "test"], []),
        ("*", ["prod", "test"], []),
        ("~,*", ["prod", "test"], []),
        (".", ["prod"], ["test"]),
        (" . , test ", ["prod", "test"], ["other"]),
        ("~", [], ["prod", "test"]),
        ("~,test", [], ["prod", "test"]),
        (",", [], ["prod", "test"]),
        ({"junk": 1}, ["prod", "test"], []),
    ],
)
def test_an_annotation_says_who_sees_a_service(export: Any, seen: list[str], unseen: list[str]) -> None:
    """As Istio's pilot has it: whether a gateway of the namespace gets a cluster."""
    annotations = {} if export is None else {"networking.istio.io/exportTo": export}
    raw = {"metadata": {"name": "s", "annotations": annotations}, "spec": {"exportTo": ["~"]}}
    item = Object(SERVICE, raw, "prod")
    assert all(visible_from(item, space) for space in seen)
    assert not any(visible_from(item, space) for space in unseen)


def mesh(text: str) -> Cluster:
    metadata = {"name": "istio", "namespace": "istio-system"}
    return cluster_of([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": text}}])


def test_the_domain_is_the_meshs_where_it_says_one() -> None:
    assert domain_of(mesh("defaultConfig: {proxyMetadata: {CLUSTER_DOMAIN: corp.internal}}")) == "corp.internal"
    assert domain_of(mesh("trustDomain: corp.internal")) == "cluster.local"
    assert domain_of(mesh("[not: yaml")) == "cluster.local"
    assert domain_of(cluster_of([])) == "cluster.local"
