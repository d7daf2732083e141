"""Objects as an API server gives them, with all that it adds."""

from __future__ import annotations

import base64
from typing import Any

from tests.lab.certificates import KeyPair

Manifest = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def thing(api_version: str, kind: str, name: str, namespace: str = "prod", **fields: Any) -> Manifest:
    """Any object."""
    metadata: Manifest = {
        "name": name,
        "uid": f"uid-of-{name}",
        "resourceVersion": "4711",
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "annotations": {LAST_APPLIED: "{...}"},
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {"f:ports": {}}}}],
    }
    if namespace:
        metadata["namespace"] = namespace
    metadata.update(fields.pop("metadata", {}))
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def service(name: str = "greeter", namespace: str = "prod", **spec: Any) -> Manifest:
    """A Service with one gRPC port."""
    ports = [{"name": "grpc", "port": 50051, "protocol": "TCP", "targetPort": 50051}]
    return thing("v1", "Service", name, namespace, spec={"ports": ports, "selector": {"app": name}, **spec})


def namespace(name: str) -> Manifest:
    """A Namespace."""
    return thing("v1", "Namespace", name, "", metadata={"labels": {"kubernetes.io/metadata.name": name}})


def pod(name: str, namespace: str = "prod", app: str = "greeter", **spec: Any) -> Manifest:
    """A Pod with about everything that a real one has."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{app}-6d5f8c7b9", "uid": "u"}
    return thing(
        "v1", "Pod", name, namespace,
        metadata={"labels": {"app": app, "pod-template-hash": "6d5f8c7b9"}, "ownerReferences": [owner]},
        spec={**_pod_spec(app), **spec},
        status=_pod_status(app),
    )  # fmt: skip


def _pod_spec(app: str) -> Manifest:
    return {
        "serviceAccountName": app,
        "nodeName": "node-1",
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}],
        "securityContext": {"runAsNonRoot": True},
        "volumes": [
            {"name": "certs", "secret": {"secretName": "greeter-tls", "defaultMode": 420}},
            {"name": "kube-api-access", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        ],
        "containers": [
            {
                "name": app,
                "image": f"registry.example.test/{app}:1.2.3",
                "args": ["--port=50051", "--redis-password=hunter2-of-redis", "--token", "token-in-two-words"],
                "env": [
                    {"name": "DATABASE_PASSWORD", "value": "hunter2-of-database"},
                    {"name": "GRPC_PORT", "value": "50051"},
                    {"name": "DSN", "value": "postgres://greeter:hunter2-in-url@db:5432/greeter"},
                    {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
                ],
                "ports": [{"name": "grpc", "containerPort": 50051, "protocol": "TCP"}],
                "readinessProbe": {"grpc": {"port": 50051, "service": ""}, "periodSeconds": 10},
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                "volumeMounts": [{"name": "certs", "mountPath": "/certs", "readOnly": True}],
            }
        ],
    }


def _pod_status(app: str) -> Manifest:
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    ready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2025-01-01T0Z"}
    return {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "qosClass": "Burstable",
        "conditions": [ready],
        "containerStatuses": [{"name": app, "ready": False, "restartCount": 7, "imageID": "sha256:0", "state": state}],
    }


def tls_secret(name: str, namespace: str, pair: KeyPair, key: KeyPair | None = None) -> Manifest:
    """A kubernetes.io/tls Secret; `key`: of another pair."""
    data = {"tls.crt": encoded(pair.cert.read_bytes()), "tls.key": encoded((key or pair).key.read_bytes())}
    return thing("v1", "Secret", name, namespace, type="kubernetes.io/tls", data=data)


def encoded(value: bytes) -> str:
    """As in the `data` of a Secret."""
    return base64.b64encode(value).decode()


def istio_gateway(name: str = "public", namespace: str = "prod", credential: str = "greeter-tls") -> Manifest:
    """An Istio Gateway that takes its certificate from a Secret."""
    server = {
        "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
        "hosts": ["grpc.example.test"],
        "tls": {"mode": "SIMPLE", "credentialName": credential},
    }
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    return thing("networking.istio.io/v1", "Gateway", name, namespace, spec=spec)
