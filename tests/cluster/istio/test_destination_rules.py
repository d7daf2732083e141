"""DestinationRules: which one a proxy sees, and what is in force for one port and subset."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.istio.destination_rules import find_subset, host_of, policy_of, rules_for, subsets_of
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.objects import Object

HOST = "greeter.prod.svc.cluster.local"
Raw = dict[str, Any]


def rule(name: str = "r", namespace: str = "prod", host: str = HOST, created: str = "", **spec: Any) -> Raw:
    metadata = {"name": name, "namespace": namespace, **({"creationTimestamp": created} if created else {})}
    whole = {"host": host, **spec}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata, "spec": whole}


def found(*documents: Raw, client: str = "web", labels: dict[str, str] | None = None, host: str = HOST) -> list[str]:
    """namespace/name of the rules that a proxy uses for the Service greeter in prod."""
    return [r.full_name for r in rules_for(cluster_of(documents), host, "prod", client, labels)]


def test_the_clients_namespace_comes_first_then_the_services_then_the_roots() -> None:
    every = [rule(namespace=space) for space in ("istio-system", "prod", "web", "other")]
    assert found(*every) == ["web/r"]
    assert found(*every[:2]) == ["prod/r"]
    assert found(every[0]) == ["istio-system/r"]
    assert found(every[3]) == []


def test_a_client_in_the_root_namespace_looks_at_the_services_first() -> None:
    both = rule(namespace="istio-system"), rule(namespace="prod")
    assert found(*both, client="istio-system") == ["prod/r"]
    assert found(both[0], client="istio-system") == ["istio-system/r"]


def test_the_root_namespace_is_the_meshs() -> None:
    data = {"mesh": "rootNamespace: mesh-root"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"},
              "data": data}  # fmt: skip
    assert found(rule(namespace="mesh-root"), rule(namespace="istio-system"), config) == ["mesh-root/r"]


@pytest.mark.parametrize(
    ("export", "client", "sees"),
    [(["."], "web", False), (["."], "prod", True), (["web"], "web", True), (["other"], "web", False),
     (["*"], "web", True), ([], "web", True)],
)  # fmt: skip
def test_what_is_not_exported_is_not_seen(export: list[str], client: str, sees: bool) -> None:
    assert found(rule(exportTo=export), client=client) == (["prod/r"] if sees else [])


def test_a_rule_that_is_not_seen_lets_the_next_place_decide() -> None:
    assert found(rule(exportTo=["."]), rule(namespace="istio-system")) == ["istio-system/r"]


def test_the_most_specific_host_decides_in_a_namespace() -> None:
    wide, wider = rule("wide", host="*.prod.svc.cluster.local"), rule("wider", host="*")
    assert found(wider, wide, rule("exact")) == ["prod/exact"]
    assert found(wider, wide) == ["prod/wide"]
    assert found(wider) == ["prod/wider"]
    assert found(rule("other", host="*.shop.svc.cluster.local")) == []


def test_a_wildcard_in_the_clients_namespace_beats_the_exact_host_in_the_services() -> None:
    assert found(rule("wide", "web", "*.svc.cluster.local"), rule()) == ["web/wide"]


@pytest.mark.parametrize(
    ("written", "namespace", "full"),
    [("greeter", "prod", HOST), ("greeter", "web", "greeter.web.svc.cluster.local"), ("GREETER", "prod", HOST),
     ("greeter.prod", "prod", "greeter.prod")],
)  # fmt: skip
def test_a_short_host_is_one_of_the_rules_own_namespace(written: str, namespace: str, full: str) -> None:
    [item] = cluster_of([rule(namespace=namespace, host=written)]).all(DESTINATION_RULE)
    assert host_of(item) == full


@pytest.mark.parametrize(
    ("host", "applies"),
    [("greeter.prod.svc.corp.internal", True), ("*.svc.corp.internal", True), ("*.shop.svc.corp.internal", False),
     ("greeter.prod.svc.clusterset.local", False), ("greeter.prod.corp.internal", False)],
)  # fmt: skip
def test_a_clusters_own_domain_may_be_written_out_in_one_object_and_left_out_in_the_next(
    host: str, applies: bool
) -> None:
    assert bool(found(rule(host=host))) is applies
    assert found(rule(host="greeter"), host="greeter.prod.svc.corp.internal") == ["prod/r"]


def test_a_workload_selector_is_for_pods_of_its_own_namespace() -> None:
    own = rule("own", "web", workloadSelector={"matchLabels": {"app": "web"}})
    assert found(own, rule(), labels={"app": "web"}) == ["web/own"]
    assert found(own, rule(), labels={"app": "cart"}) == ["prod/r"]
    assert found(own, rule()) == ["prod/r"]
    assert found(rule(workloadSelector={"matchLabels": {"app": "web"}}), labels={"app": "web"}) == []


def test_several_rules_for_a_host_count_together_the_oldest_first() -> None:
    young = rule("a-young", created="2025-02-01T00:00:00Z")
    old = rule("z-old", created="2025-01-01T00:00:00Z")
    assert found(young, old) == ["prod/z-old", "prod/a-young"]
    assert found(rule("b"), rule("a")) == ["prod/a", "prod/b"]


def rules(*documents: Raw) -> tuple[Object, ...]:
    return rules_for(cluster_of(documents), HOST, "prod", "web")


def test_of_several_the_first_with_a_policy_gives_it_and_all_give_their_subsets() -> None:
    merged = rules(
        rule("a", subsets=[{"name": "v1", "labels": {"v": "1"}}]),
        rule("b", trafficPolicy={"tls": {"mode": "SIMPLE"}}, subsets=[None, {"name": "v2"}, {"name": "v1"}]),
        rule("c", trafficPolicy={"tls": {"mode": "DISABLE"}, "loadBalancer": {"simple": "RANDOM"}}),
    )
    policy = policy_of(merged, 50051)
    assert policy.text("tls", "mode") == "SIMPLE"
    assert policy.find("loadBalancer") is None
    assert [(s.name, s.rule.name, s.path[-1]) for s in subsets_of(merged)] == [
        ("v1", "a", 0), ("v2", "b", 1), ("v1", "b", 2)
    ]  # fmt: skip
    first = find_subset(merged, "v1")
    assert first is not None
    assert (first.labels, first.rule.name) == ({"v": "1"}, "a")


TOP = {
    "tls": {"mode": "SIMPLE"},
    "connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}},
    "tunnel": {"targetHost": "x"},
}


def test_the_settings_of_a_port_replace_those_of_the_rule() -> None:
    ours = {"port": {"number": "50051"}, "loadBalancer": {"a": 1}}
    level = [{"port": {"number": 1}, "tls": {"mode": "MUTUAL"}}, ours]
    policy = policy_of(rules(rule(trafficPolicy={**TOP, "portLevelSettings": level})), 50051)
    assert sorted(policy.blocks) == ["loadBalancer", "tunnel"]
    other = policy_of(rules(rule(trafficPolicy={**TOP, "portLevelSettings": level})), 80)
    assert sorted(other.blocks) == ["connectionPool", "tls", "tunnel"]
    place = policy.find("loadBalancer", "a")
    assert place is not None
    assert place.path == ("spec", "trafficPolicy", "portLevelSettings", 1, "loadBalancer", "a")


def test_a_subset_overrides_block_by_block() -> None:
    subset = {"name": "v1", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}
    policy = policy_of(rules(rule(trafficPolicy=TOP, subsets=[subset])), 50051, "v1")
    assert policy.text("tls", "mode") == "SIMPLE"
    assert policy.find("connectionPool", "http") is None
    limit = policy.find("connectionPool", "tcp", "maxConnections")
    assert limit is not None
    assert (limit.value, limit.text, limit.path[:3]) == (1, "1", ("spec", "subsets", 0))


def test_the_ports_settings_of_a_subset_count_for_that_port_alone() -> None:
    level = [{"port": {"number": 50051}, "tls": {"mode": "DISABLE"}}]
    subset = {"name": "v1", "trafficPolicy": {"portLevelSettings": level}}
    found_rules = rules(rule(trafficPolicy=TOP, subsets=[subset]))
    assert sorted(policy_of(found_rules, 50051, "v1").blocks) == ["tls", "tunnel"]
    assert policy_of(found_rules, 50051, "v1").text("tls", "mode") == "DISABLE"
    assert policy_of(found_rules, 80, "v1").text("tls", "mode") == "SIMPLE"
    assert policy_of(found_rules, 50051, "none").text("tls", "mode") == "SIMPLE"


@pytest.mark.parametrize(
    "junk", [None, "x", 7, [], {"tls": "x"}, {"tls": None}, {"portLevelSettings": [None, "x", {}]}]
)
def test_junk_in_a_policy_is_no_policy(junk: Any) -> None:
    policy = policy_of(rules(rule(trafficPolicy=junk, subsets=junk)), 50051, "v1")
    assert policy.find("tls", "mode") is None
    assert policy.text("connectionPool", "http", "h2UpgradePolicy") == ""
