"""What is kept of an object: all that rules read, at the paths where the cluster has it, and nothing secret."""

from __future__ import annotations

import json
import sys

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import DEPLOYMENT, NODE, POD, SERVICE
from grpcdoctor.cluster.live.slim import Shared, slim
from grpcdoctor.cluster.objects import Object
from tests.cluster.live.conftest import Read
from tests.cluster.live.things import LAST_APPLIED, pod, service, thing
from tests.lab.kube_api import KubeApi

SECRETS = ("hunter2", "token-in-two-words")


def test_managed_fields_and_the_last_applied_manifest_go(api: KubeApi, read: Read) -> None:
    api.add(service())
    [found] = read(api).all(SERVICE)
    assert found.raw["metadata"] == {
        "name": "greeter",
        "namespace": "prod",
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "annotations": {},
    }


def test_a_patch_of_annotations_adds_to_those_that_are_not_shown(api: KubeApi, read: Read) -> None:
    """Were the empty mapping gone, the patch would put a new one in the place of what is in the cluster."""
    api.add(service())
    [found] = read(api).all(SERVICE)
    fix = Edit(found).set(("metadata", "annotations", "a"), "b").fix("annotate")
    assert [operation.path for operation in fix.changes[0].operations] == ["/metadata/annotations/a"]


def test_of_a_pod_everything_that_rules_read_is_kept() -> None:
    kept = slim(POD, pod("greeter-0"))
    assert kept["spec"] == {
        "serviceAccountName": "greeter",
        "nodeName": "node-1",
        "volumes": [
            {"name": "certs", "secret": {"secretName": "greeter-tls"}},
            {"name": "kube-api-access", "projected": {}},
        ],
        "containers": [
            {
                "name": "greeter",
                "image": "registry.example.test/greeter:1.2.3",
                "args": ["--port=50051", "--redis-password=[redacted]", "--token", "[redacted]"],
                "env": [
                    {"name": "DATABASE_PASSWORD", "value": "[redacted]"},
                    {"name": "GRPC_PORT", "value": "50051"},
                    {"name": "DSN", "value": "postgres://greeter:[redacted]@db:5432/greeter"},
                    {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
                ],
                "ports": [{"name": "grpc", "containerPort": 50051, "protocol": "TCP"}],
                "readinessProbe": {"grpc": {"port": 50051, "service": ""}, "periodSeconds": 10},
                "volumeMounts": [{"name": "certs", "mountPath": "/certs"}],
            }
        ],
    }
    assert kept["status"] == {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
        "containerStatuses": [
            {"name": "greeter", "ready": False, "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        ],
    }
    assert kept["metadata"]["ownerReferences"] == [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "greeter-6d5f8c7b9"}
    ]


def test_no_secret_of_a_pod_or_a_deployment_is_kept(api: KubeApi, read: Read) -> None:
    template = {key: value for key, value in pod("greeter-0").items() if key in ("metadata", "spec")}
    template["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(template["spec"])}
    api.add(pod("greeter-0"), thing("apps/v1", "Deployment", "greeter", spec={"replicas": 1, "template": template}))
    cluster = read(api)
    assert len(cluster.all(POD)) == len(cluster.all(DEPLOYMENT)) == 1
    text = json.dumps([item.raw for item in cluster.objects])
    assert [secret for secret in SECRETS if secret in text] == []


def test_flags_that_only_sound_like_secrets_keep_their_values() -> None:
    args = ["--token-file=/var/run/token", "--enable-auth=true", "--auth", "--port", "8080", "--password=$(PASSWORD)"]
    kept = slim(POD, pod("p", containers=[{"name": "c", "args": args}]))
    assert kept["spec"]["containers"][0]["args"] == args


def test_a_private_key_in_a_variable_is_not_kept() -> None:
    env = [{"name": "PEM", "value": "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"}]
    kept = slim(POD, pod("p", containers=[{"name": "c", "env": env}]))
    assert kept["spec"]["containers"][0]["env"] == [{"name": "PEM", "value": "[redacted]"}]


def test_of_a_node_only_addresses_and_conditions_matter() -> None:
    status = {"images": [{"names": ["x"]}] * 50, "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}
    assert slim(NODE, thing("v1", "Node", "n", "", status=status))["status"] == {"addresses": status["addresses"]}


def test_pods_of_one_deployment_share_what_is_equal() -> None:
    shared = Shared()
    volumes = [[{"name": f"kube-api-access-{suffix}", "projected": {}}] for suffix in ("x7k2p", "q9z4v")]
    one, other = (slim(POD, pod(f"p{number}", volumes=volumes[number]), shared) for number in range(2))
    assert one["spec"]["containers"] is other["spec"]["containers"]
    assert one["spec"]["volumes"] is other["spec"]["volumes"]
    assert one["metadata"]["name"] != other["metadata"]["name"]
    third = slim(POD, pod("p2", containers=[]), shared)
    assert third["spec"]["containers"] == []


def test_objects_that_make_no_sense_are_kept_as_they_are() -> None:
    for raw in ({}, {"metadata": None}, {"spec": [1], "status": "x", "metadata": {"annotations": 3}}):
        assert slim(POD, dict(raw)) == raw
    odd = {"spec": {"containers": [None, "x", {"env": [1, {"name": 2}], "args": [3, None]}], "volumes": {"a": 1}}}
    assert slim(POD, json.loads(json.dumps(odd))) == odd


def test_of_many_pods_of_one_deployment_a_few_kilobytes_each_are_kept() -> None:
    shared = Shared()
    kept = [slim(POD, json.loads(json.dumps(pod(f"greeter-{number}"))), shared) for number in range(200)]
    alone = {id(part): sys.getsizeof(part) for raw in kept for part in _mappings(raw)}
    assert sum(alone.values()) / len(kept) < 5_000


def _mappings(value: object) -> list[object]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(each for child in children for each in _mappings(child))]


def test_views_work_on_what_is_kept() -> None:
    from grpcdoctor.cluster.workloads import workloads

    cluster = cluster_of([slim(POD, pod("greeter-0"))], complete=True)
    [found] = workloads(cluster).items
    assert isinstance(found.object, Object)
    assert found.is_ready is False
    assert found.containers[0].environment["GRPC_PORT"] == "50051"
    assert found.ports[0].number == 50051
