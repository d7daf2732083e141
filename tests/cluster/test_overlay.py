"""Manifests laid over a live cluster: what if I applied this?"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of, objects_in
from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.kinds import DEPLOYMENT, POD, SERVICE
from grpcdoctor.cluster.manifests import Manifests
from grpcdoctor.cluster.overlay import lay_over
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import workloads
from grpcdoctor.model.finding import BlindSpot

CONTAINER: dict[str, Any] = {
    "name": "app",
    "image": "greeter:1",
    "ports": [{"containerPort": 50051, "protocol": "TCP"}],
    "terminationMessagePath": "/dev/termination-log",
}
TEMPLATE: dict[str, Any] = {
    "metadata": {
        "creationTimestamp": None,
        "labels": {"app": "greeter"},
        "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T08:00:00Z", "a": "b"},
    },
    "spec": {"containers": [CONTAINER], "dnsPolicy": "ClusterFirst", "volumes": []},
}


def an_object(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    version = "apps/v1" if kind in ("Deployment", "ReplicaSet") else "v1"
    metadata = {"name": name, "namespace": "prod", **fields.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def owned_by(kind: str, name: str) -> dict[str, Any]:
    return {"labels": {"app": "greeter"}, "ownerReferences": [{"kind": kind, "name": name, "controller": True}]}


LIVE = [
    an_object("Service", "greeter", spec={"type": "ClusterIP"}),
    an_object("Service", "other"),
    an_object("Deployment", "greeter", spec={"template": TEMPLATE}),
    an_object("Pod", "greeter-6d4b9c7f8-abcde", metadata=owned_by("ReplicaSet", "greeter-6d4b9c7f8"), spec={}),
    an_object("Pod", "other", metadata={"labels": {"app": "other"}}),
]


def manifests(*documents: dict[str, Any], broken: tuple[BlindSpot, ...] = ()) -> Manifests:
    found = [item for raw in documents for _, item in objects_in(raw)]
    known, strangers = ([x for x in found if bool(x.kind.plural) is known] for known in (True, False))
    return Manifests(tuple(known), tuple(strangers), broken)


def pods_after(template: dict[str, Any]) -> list[str]:
    applied = manifests(an_object("Deployment", "greeter", spec={"template": template}))
    return [pod.name for pod in lay_over(cluster_of(LIVE), applied).all(POD)]


def test_a_manifest_wins_over_the_live_object_of_its_name() -> None:
    after = lay_over(cluster_of(LIVE), manifests(an_object("Service", "greeter", spec={"type": "NodePort"})))
    greeter = after.get(SERVICE, "prod", "greeter")
    assert greeter is not None
    assert greeter.spec == {"type": "NodePort"}
    assert [item.name for item in after.all(SERVICE)] == ["greeter", "other"]
    assert len(after.objects) == len(LIVE)


def test_what_the_cluster_was_read_for_stays_known_and_what_is_broken_is_added() -> None:
    unseen, broken = BlindSpot("Secrets", "forbidden"), BlindSpot("a.yaml:1", "a tab")
    stranger = an_object("Widget", "w")
    live = Cluster([], Coverage.of([SERVICE], ["prod"]), [unseen], "prod-eu", [*manifests(stranger).strangers])
    after = lay_over(live, manifests(an_object("Service", "new"), stranger, broken=(broken,)))
    assert after.has_all(SERVICE, "prod")
    assert not after.has_all(SERVICE, "dev")
    assert (after.blind_spots, after.name, len(after.strangers)) == ((unseen, broken), "prod-eu", 2)
    assert [item.name for item in after.objects] == ["new"]


def test_pods_stay_where_their_template_stays_but_for_what_the_server_fills_in() -> None:
    written = {
        "metadata": {"labels": {"app": "greeter"}, "annotations": {"a": "b"}},
        "spec": {"containers": [{"name": "app", "image": "greeter:1", "ports": [{"containerPort": 50051}]}]},
    }
    assert pods_after(written) == ["greeter-6d4b9c7f8-abcde", "other"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "containers", 0, "image"), "greeter:2"),
        (("spec", "containers", 0, "ports", 0, "containerPort"), 8080),
        (("spec", "containers", 0, "ports"), None),
        (("spec", "containers", 0, "readinessProbe"), {"grpc": {"port": 50051}}),
        (("spec", "containers"), [CONTAINER, CONTAINER]),
        (("metadata", "labels", "version"), "v2"),
        (("metadata", "annotations", "a"), None),
        (("metadata", "annotations"), None),
    ],
)
def test_pods_go_where_their_template_changes(path: tuple[Any, ...], value: object) -> None:
    template = copy.deepcopy(TEMPLATE)
    parent = at(template, *path[:-1])
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    assert pods_after(template) == ["other"]


def test_a_changed_template_is_what_runs_then() -> None:
    template = copy.deepcopy(TEMPLATE)
    template["spec"]["containers"] = [{"name": "app", "image": "greeter:2"}]
    applied = manifests(an_object("Deployment", "greeter", spec={"template": template}))
    found = workloads(lay_over(cluster_of(LIVE), applied)).select({"app": "greeter"}, "prod")
    assert [(each.object.kind, each.containers[0].image) for each in found] == [(DEPLOYMENT, "greeter:2")]
