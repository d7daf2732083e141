"""PeerAuthentication: what a server takes, by the port, the workload, the namespace and the mesh."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.fields import dotted
from grpcdoctor.cluster.istio.mtls import ServerMode, namespace_mode, policies_selecting, policies_wide, server_mode
from grpcdoctor.cluster.workloads import workloads
from tests.cluster.test_workloads import pod

Raw = dict[str, Any]
GREETER = {"matchLabels": {"app": "greeter"}}


def policy(
    mode: str | None, name: str = "p", namespace: str = "prod", selector: Any = None, created: str = "", **ports: Any
) -> Raw:
    """`p8080="STRICT"` is a port's own mode."""
    metadata = {"name": name, "namespace": namespace, **({"creationTimestamp": created} if created else {})}
    spec: Raw = {} if mode is None else {"mtls": {"mode": mode}}
    if selector is not None:
        spec["selector"] = selector
    if ports:
        spec["portLevelMtls"] = {key[1:]: {"mode": value} for key, value in ports.items()}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": metadata, "spec": spec}


MESH = policy("STRICT", "mesh", "istio-system")


def mode_of(*documents: Raw, port: int | None = 8080) -> ServerMode:
    cluster = cluster_of([*documents, pod()])
    [workload] = workloads(cluster).items
    return server_mode(cluster, workload, port)


def told(found: ServerMode) -> tuple[str, str, str]:
    return found.mode, found.object.full_name if found.object else "", dotted(found.path)


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], ("PERMISSIVE", "", "")),
        ([MESH], ("STRICT", "istio-system/mesh", "spec.mtls.mode")),
        ([MESH, policy("DISABLE")], ("DISABLE", "prod/p", "spec.mtls.mode")),
        ([MESH, policy("UNSET")], ("STRICT", "istio-system/mesh", "spec.mtls.mode")),
        ([MESH, policy(None)], ("STRICT", "istio-system/mesh", "spec.mtls.mode")),
        ([policy("DISABLE"), policy("STRICT", "w", selector=GREETER)], ("STRICT", "prod/w", "spec.mtls.mode")),
        ([policy("DISABLE"), policy("UNSET", "w", selector=GREETER)], ("DISABLE", "prod/p", "spec.mtls.mode")),
        ([policy("DISABLE"), policy(None, "w", selector=GREETER, p8080="STRICT")],
         ("STRICT", "prod/w", "spec.portLevelMtls.8080.mode")),
        ([policy("STRICT", "w", selector=GREETER, p8080="UNSET")], ("STRICT", "prod/w", "spec.mtls.mode")),
        ([policy("STRICT", "w", selector=GREETER, p9090="DISABLE")], ("STRICT", "prod/w", "spec.mtls.mode")),
        ([policy("STRICT", "w", selector={"matchLabels": {"app": "cart"}})], ("PERMISSIVE", "", "")),
        ([policy("STRICT", namespace="other")], ("PERMISSIVE", "", "")),
    ],
)  # fmt: skip
def test_the_nearest_level_that_says_something_decides(documents: list[Raw], expected: tuple[str, str, str]) -> None:
    assert told(mode_of(*documents)) == expected


def test_a_ports_mode_without_a_selector_is_ignored() -> None:
    assert told(mode_of(policy("STRICT", p8080="DISABLE"))) == ("STRICT", "prod/p", "spec.mtls.mode")


def test_a_selector_in_the_root_namespace_is_ignored() -> None:
    assert mode_of(policy("STRICT", namespace="istio-system", selector=GREETER)).mode == "PERMISSIVE"
    rooted = {**pod(), "metadata": {**pod()["metadata"], "namespace": "istio-system"}}
    cluster = cluster_of([policy("STRICT", namespace="istio-system", selector=GREETER), rooted])
    assert policies_selecting(cluster, workloads(cluster).items[0]) == []


@pytest.mark.parametrize("selector", [{}, {"matchLabels": {}}, {"matchLabels": None}, None])
def test_an_empty_selector_is_none(selector: Any) -> None:
    wide = policy("STRICT", selector=selector, p8080="DISABLE")
    assert told(mode_of(wide)) == ("STRICT", "prod/p", "spec.mtls.mode")
    assert [p.name for p in policies_wide(cluster_of([wide]), "prod")] == ["p"]


@pytest.mark.parametrize("selector", [None, GREETER])
def test_of_two_policies_at_one_level_the_oldest_wins(selector: Any) -> None:
    old = policy("DISABLE", "z", created="2025-01-01T00:00:00Z", selector=selector)
    young = policy("STRICT", "a", created="2025-02-01T00:00:00Z", selector=selector)
    assert mode_of(young, old).mode == mode_of(old, young).mode == "DISABLE"
    second, first = policy("STRICT", "b", selector=selector), policy("DISABLE", "a", selector=selector)
    assert mode_of(second, first).mode == "DISABLE"


def test_the_oldest_that_says_nothing_hides_the_next_at_its_level() -> None:
    first, second = policy(None, "a", selector=GREETER), policy("STRICT", "b", selector=GREETER)
    assert mode_of(first, second).mode == "PERMISSIVE"


@pytest.mark.parametrize("key", [8080, "8080"])
def test_a_ports_number_may_be_written_as_a_number_or_as_text(key: Any) -> None:
    raw = policy("STRICT", selector=GREETER)
    raw["spec"]["portLevelMtls"] = {key: {"mode": "DISABLE"}}
    assert (mode_of(raw).mode, mode_of(raw).path[-2]) == ("DISABLE", key)
    assert mode_of(raw, port=8081).mode == "STRICT"
    assert mode_of(raw, port=None).mode == "STRICT"


def test_a_selector_with_several_labels_needs_all_of_them() -> None:
    both = {"matchLabels": {"app": "greeter", "version": "v2"}}
    assert mode_of(policy("STRICT", selector=both)).mode == "PERMISSIVE"
    first = {"matchLabels": {"version": "v2", "app": "greeter"}}
    assert mode_of(policy("STRICT", selector=first)).mode == "PERMISSIVE"


def test_a_namespace_has_its_own_mode_or_the_meshs() -> None:
    cluster = cluster_of([MESH, policy("DISABLE"), policy("STRICT", "w", selector=GREETER)])
    assert namespace_mode(cluster, "prod").mode == "DISABLE"
    assert namespace_mode(cluster, "other").mode == "STRICT"
    assert namespace_mode(cluster_of([]), "prod") == ServerMode()


@pytest.mark.parametrize("spec", [None, "x", [], {"mtls": "STRICT"}, {"mtls": None}, {"portLevelMtls": [1]}])
def test_junk_in_a_policy_says_nothing(spec: Any) -> None:
    assert mode_of({**policy("STRICT"), "spec": spec}) == ServerMode()
