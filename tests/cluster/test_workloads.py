"""Workloads: pods or the templates of those that are not shown, how they take part in a mesh, and who owns them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.kinds import DEPLOYMENT
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, owner_of, templates_scaled_to_zero, workloads

Raw = dict[str, Any]
PROXY: Raw = {"name": "istio-proxy", "image": "istio/proxyv2", "args": ["proxy", "sidecar"]}
ROUTER: Raw = {"name": "istio-proxy", "args": ["proxy", "router"]}
STAYS: Raw = {"restartPolicy": "Always"}


def pod(name: str = "greeter-1", status: Raw | None = None, owner: tuple[str, str] | None = None, **fields: Any) -> Raw:
    """A Pod; without a status it is a manifest of one."""
    metadata: Raw = {
        "name": name,
        "namespace": "prod",
        "labels": {"app": "greeter", **fields.pop("labels", {})},
        "annotations": fields.pop("annotations", {}),
    }
    if owner is not None:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1]}]
    spec = {"containers": [{"name": "app"}], **fields}
    found: Raw = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return found if status is None else {**found, "status": status}


def deployment(name: str = "greeter", kind: str = "Deployment", replicas: Any = 2, **fields: Any) -> Raw:
    template = pod(**fields)
    del template["metadata"]["name"], template["metadata"]["namespace"]
    api = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    spec = {"template": {"metadata": template["metadata"], "spec": template["spec"]}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "prod"}, "spec": spec}


def titles(*documents: Raw) -> list[str]:
    return [workload.title for workload in workloads(cluster_of(documents)).items]


def only(*documents: Raw) -> Workload:
    [workload] = workloads(cluster_of(documents)).items
    return workload


INJECTED = {"istio-injection": "enabled"}


def space(labels: Raw) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod", "labels": labels}}


def test_a_template_is_left_out_where_its_pods_are_shown() -> None:
    assert titles(deployment(), pod()) == ["Pod prod/greeter-1"]
    assert titles(deployment()) == ["Deployment prod/greeter"]


def test_pods_of_another_app_or_namespace_hide_no_template() -> None:
    other = pod("cart-1", labels={"app": "cart"})
    elsewhere = json.loads(json.dumps(pod()).replace('"prod"', '"test"'))
    assert sorted(titles(deployment(), other, elsewhere)) == [
        "Deployment prod/greeter", "Pod prod/cart-1", "Pod test/greeter-1"
    ]  # fmt: skip


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_pods_that_have_ended_do_not_count(phase: str) -> None:
    assert titles(deployment(), pod(status={"phase": phase})) == ["Deployment prod/greeter"]
    assert titles(pod(status={"phase": "Pending"})) == ["Pod prod/greeter-1"]


def test_what_is_scaled_to_zero_runs_nothing_and_is_known_for_it() -> None:
    cluster = cluster_of([deployment(replicas=0), deployment("other", replicas=None)])
    assert [w.title for w in workloads(cluster).items] == ["Deployment prod/other"]
    assert [w.title for w in templates_scaled_to_zero(cluster).items] == ["Deployment prod/greeter"]


def test_a_pod_stands_for_itself_and_a_template_for_its_replicas() -> None:
    assert only(pod()).replicas == 1
    assert only(deployment(replicas=3)).replicas == 3
    assert only(deployment(replicas=None)).replicas is None


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Rollout"])
def test_every_kind_with_a_template_is_a_workload(kind: str) -> None:
    found = only(deployment(kind=kind))
    assert found.path("spec", "hostNetwork") == ("spec", "template", "spec", "hostNetwork")
    assert (found.labels, found.is_pod) == ({"app": "greeter"}, False)


def test_containers_that_stay_are_containers_and_proxies_are_not_the_applications() -> None:
    app = {"name": "app", "ports": [{"name": "grpc", "containerPort": 1}, {"containerPort": "junk"}, None]}
    start = [{"name": "migrate", "ports": [{"containerPort": 2}]}, {"name": "cache", **STAYS}, {**PROXY, **STAYS}]
    found = only(pod(containers=[app, {"name": "linkerd-proxy"}], initContainers=start))
    assert [c.name for c in found.all_containers] == ["app", "linkerd-proxy", "cache", "istio-proxy"]
    assert [c.name for c in found.containers] == ["app", "cache"]
    assert [(p.name, p.number, p.path) for p in found.ports] == [("grpc", 1, ("spec", "containers", 0, "ports", 0))]
    assert found.linkerd


def test_a_port_is_served_by_the_container_that_declares_it_or_by_the_only_one() -> None:
    two = only(pod(containers=[{"name": "a", "ports": [{"containerPort": 1}]}, {"name": "b"}]))
    named = two.container_of_port(1)
    assert named is not None
    assert named.name == "a"
    assert two.container_of_port(2) is None
    alone = only(pod()).container_of_port(2)
    assert alone is not None
    assert alone.name == "app"


RUNS = {"phase": "Running"}
MESH: list[tuple[str, Raw, Raw | None, Mesh]] = [
    ("a proxy was injected", pod(containers=[{"name": "app"}, PROXY]), {}, Mesh.SIDECAR),
    ("as a native sidecar", pod(initContainers=[{**PROXY, **STAYS}]), {}, Mesh.SIDECAR),
    ("an init container that ends is none", pod(initContainers=[PROXY]), {}, Mesh.NONE),
    ("a router is a gateway", pod(containers=[ROUTER]), {}, Mesh.GATEWAY),
    ("so is the template gateway", pod(annotations={"inject.istio.io/templates": "gateway"}), {}, Mesh.GATEWAY),
    ("proxyless", pod(annotations={"inject.istio.io/templates": "grpc-agent"}), INJECTED, Mesh.PROXYLESS),
    ("proxyless with a proxy container", pod(annotations={"inject.istio.io/templates": "grpc-agent"},
                                             containers=[{"name": "app"}, PROXY]), {}, Mesh.PROXYLESS),
    ("grpc-simple", pod(annotations={"inject.istio.io/templates": "grpc-simple"}), {}, Mesh.PROXYLESS),
    ("the namespace says so", pod(), INJECTED, Mesh.SIDECAR),
    ("the namespace is not shown", pod(), None, Mesh.UNKNOWN),
    ("the namespace says nothing", pod(), {}, Mesh.NONE),
    ("the namespace says no", pod(), {"istio-injection": "disabled"}, Mesh.NONE),
    ("a revision", pod(), {"istio.io/rev": "1-31"}, Mesh.SIDECAR),
    ("a revision, disabled", pod(), {"istio.io/rev": "1-31", "istio-injection": "disabled"}, Mesh.NONE),
    ("the pod's label says no", pod(labels={"sidecar.istio.io/inject": "false"}), INJECTED, Mesh.NONE),
    ("its annotation says no", pod(annotations={"sidecar.istio.io/inject": "false"}), INJECTED, Mesh.NONE),
    ("its label says yes", pod(labels={"sidecar.istio.io/inject": "true"}), {}, Mesh.SIDECAR),
    ("its annotation says yes, which the webhook never hears of", pod(annotations={"sidecar.istio.io/inject": "true"}),
     {}, Mesh.NONE),
    ("its annotation says yes where the namespace does", pod(annotations={"sidecar.istio.io/inject": "true"}),
     INJECTED, Mesh.SIDECAR),
    ("its annotation says yes, and the namespace is not known", pod(annotations={"sidecar.istio.io/inject": "true"}),
     None, Mesh.UNKNOWN),
    ("yes, wherever", pod(labels={"sidecar.istio.io/inject": "true"}), None, Mesh.SIDECAR),
    ("yes where the namespace says no", pod(labels={"sidecar.istio.io/inject": "true"}),
     {"istio-injection": "disabled"}, Mesh.NONE),
    ("the label wins over the annotation", pod(labels={"sidecar.istio.io/inject": "true"},
                                               annotations={"sidecar.istio.io/inject": "false"}), {}, Mesh.SIDECAR),
    ("the pod's revision", pod(labels={"istio.io/rev": "canary"}), {}, Mesh.SIDECAR),
    ("the host's network", pod(hostNetwork=True), INJECTED, Mesh.NONE),
    ("ambient by namespace", pod(), {"istio.io/dataplane-mode": "ambient"}, Mesh.AMBIENT),
    ("ambient by pod", pod(labels={"istio.io/dataplane-mode": "ambient"}), {}, Mesh.AMBIENT),
    ("out of ambient", pod(labels={"istio.io/dataplane-mode": "none"}), {"istio.io/dataplane-mode": "ambient"},
     Mesh.NONE),
    ("it runs without a proxy", pod(status=RUNS), INJECTED, Mesh.NONE),
    ("it runs, not shown where", pod(status=RUNS), None, Mesh.NONE),
    ("it runs in ambient", pod(status=RUNS), {"istio.io/dataplane-mode": "ambient"}, Mesh.AMBIENT),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "labels", "mesh"), [row[1:] for row in MESH], ids=[row[0] for row in MESH])
def test_how_a_pod_takes_part_in_the_mesh(raw: Raw, labels: Raw | None, mesh: Mesh) -> None:
    assert only(raw, *([space(labels)] if labels is not None else [])).mesh is mesh


def test_a_template_is_injected_as_its_pods_would_be() -> None:
    assert only(deployment(), space(INJECTED)).mesh is Mesh.SIDECAR
    assert only(deployment(labels={"sidecar.istio.io/inject": "false"}), space(INJECTED)).mesh is Mesh.NONE


@pytest.mark.parametrize(("mesh", "takes"), [(Mesh.SIDECAR, True), (Mesh.AMBIENT, True), (Mesh.GATEWAY, True),
                                             (Mesh.PROXYLESS, False), (Mesh.NONE, False), (Mesh.UNKNOWN, False)])
def test_who_takes_mtls(mesh: Mesh, takes: bool) -> None:
    assert mesh.takes_mtls is takes  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "holder", "kind"),
    [
        (("ReplicaSet", "greeter-6d5f8c7b9"), deployment(), "Deployment"),
        (("ReplicaSet", "greeter-6d5f8c7b9"), deployment(kind="Rollout"), "Rollout"),
        (("StatefulSet", "greeter"), deployment(kind="StatefulSet"), "StatefulSet"),
        (("DaemonSet", "greeter"), deployment(kind="DaemonSet"), "DaemonSet"),
        (("ReplicaSet", "greeter"), deployment(), "Deployment"),
        (("ReplicaSet", "greeter-x"), deployment(), "Pod"),
        (("ReplicaSet", "cart-6d5f8c7b9"), deployment(), "Pod"),
        (("StatefulSet", "greeter"), deployment(), "Pod"),
        (("Job", "greeter"), deployment(), "Pod"),
        (None, deployment(), "Pod"),
    ],
)
def test_what_to_change_for_a_pod_is_what_makes_it(owner: tuple[str, str] | None, holder: Raw, kind: str) -> None:
    cluster = cluster_of([holder, pod(owner=owner)])
    workload = next(w for w in workloads(cluster).items if w.is_pod)
    item, path = owner_of(cluster, workload)
    assert item.kind.name == kind
    assert path == (() if kind == "Pod" else ("spec", "template"))


def test_a_template_is_changed_itself() -> None:
    cluster = cluster_of([deployment()])
    item, path = owner_of(cluster, workloads(cluster).items[0])
    assert (item.kind, path) == (DEPLOYMENT, ("spec", "template"))


def test_replicas_share_their_owners_key_and_pods_alone_do_not() -> None:
    owner = ("ReplicaSet", "greeter-6d5f8c7b9")
    cluster = cluster_of([pod("a", owner=owner), pod("b", owner=owner), pod("c"), pod("d")])
    assert [w.owner_key[2] for w in workloads(cluster).items] == [owner[1], owner[1], "c", "d"]


@pytest.mark.parametrize(("word", "ready"), [("True", True), ("False", False), ("Unknown", False)])
def test_a_pod_is_ready_by_its_condition(word: str, ready: bool) -> None:
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": word}]
    assert only(pod(status={"phase": "Running", "conditions": conditions})).is_ready is ready
    assert only(pod()).is_ready is None
    assert only(deployment()).is_ready is None


def test_variables_and_words_of_a_container() -> None:
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s"}}}
    app = {"name": "app", "command": ["run"], "args": ["--port", 50051], "env": [{"name": "A", "value": "1"}, secret]}
    [container] = only(pod(containers=[app])).containers
    assert container.words == ("run", "--port", "50051")
    assert container.environment == {"A": "1", "KEY": ""}
    assert container.environment_path("KEY") == ("spec", "containers", 0, "env", 1)
    assert container.environment_path("B") == ("spec", "containers", 0, "env")


@pytest.mark.parametrize("spec", [None, "junk", [], {"containers": None}, {"containers": [None, "x", {"ports": 7}]}])
def test_junk_in_a_pod_is_a_pod_without_ports(spec: Any) -> None:
    cluster: Cluster = cluster_of([{**pod(), "spec": spec}])
    [workload] = workloads(cluster).items
    assert (workload.ports, workload.mesh, workload.service_account) == ((), Mesh.UNKNOWN, "default")
