"""The objects of a cluster such as the lab's Envoy would stand for, and what differs from the healthy ones."""

from __future__ import annotations

import copy
from typing import Any

HOST = "grpc.example.test"
Raw = dict[str, Any]


def objects(tls: bool = False) -> dict[str, Raw]:
    """A gateway, a route, a Service and its Deployment, all as they should be, by a short name."""
    server: Raw = {"port": {"number": 80, "name": "http2", "protocol": "HTTP2"}, "hosts": [HOST]}
    if tls:
        server = {
            "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
            "hosts": [HOST],
            "tls": {"mode": "SIMPLE", "credentialName": "tls"},
        }
    container = {
        "name": "app",
        "image": "greeter",
        "ports": [{"name": "grpc", "containerPort": 50051}],
        "readinessProbe": {"grpc": {"port": 50051}},
    }
    return {
        **_edge(),
        "namespace": _object("v1", "Namespace", "lab", labels={"istio-injection": "enabled"}),
        "gateway": _object(
            "networking.istio.io/v1",
            "Gateway",
            "public",
            {"selector": {"istio": "ingressgateway"}, "servers": [server]},
        ),
        "route": _object(
            "networking.istio.io/v1",
            "VirtualService",
            "greeter",
            {
                "hosts": [HOST],
                "gateways": ["public"],
                "http": [{"route": [{"destination": {"host": "greeter", "port": {"number": 50051}}}]}],
            },
        ),
        "service": _object(
            "v1", "Service", "greeter", {"selector": {"app": "greeter"}, "ports": [{"name": "grpc", "port": 50051}]}
        ),
        "deployment": _object(
            "apps/v1",
            "Deployment",
            "greeter",
            {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "greeter"}},
                "template": {"metadata": {"labels": {"app": "greeter"}}, "spec": {"containers": [container]}},
            },
        ),
    }


def _edge() -> dict[str, Raw]:
    """The gateway's own Deployment, Service and certificate, in istio-system."""
    labels = {"istio": "ingressgateway"}
    certificate = {
        "subject": f"CN={HOST}", "issuer": "CN=ca", "names": [HOST], "fingerprint": "aa",
        "key_match": True, "error": None, "not_before": "2025-01-01T00:00:00Z", "not_after": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    ports = [{"name": "http2", "port": 80, "targetPort": 8080}, {"name": "https", "port": 443, "targetPort": 8443}]
    pod = {
        "metadata": {"labels": labels, "annotations": {"inject.istio.io/templates": "gateway"}},
        "spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]},
    }
    service = {"type": "LoadBalancer", "selector": labels, "ports": ports}
    found = {
        "edge-space": _object("v1", "Namespace", "istio-system"),
        "edge": _object("apps/v1", "Deployment", "istio-ingressgateway", {"replicas": 2, "template": pod}),
        "edge-service": _object("v1", "Service", "istio-ingressgateway", service),
        "edge-secret": {
            **_object("v1", "Secret", "tls"),
            "type": "kubernetes.io/tls",
            "keys": ["tls.crt", "tls.key"],
            "certificates": {"tls.crt": [certificate]},
        },
    }
    for name in ("edge", "edge-service", "edge-secret"):
        found[name]["metadata"]["namespace"] = "istio-system"
    return found


def behind(changes: dict[str, Any], tls: bool = False) -> list[Raw]:
    """The healthy objects with fields changed (`"service.spec.ports.0.name": "http"`), and with whole new ones."""
    found = copy.deepcopy(objects(tls))
    for path, value in changes.items():
        name, *steps = path.split(".")
        if not steps:
            found[name] = value
            continue
        place: Any = found[name]
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(steps[-1]) if isinstance(place, list) else steps[-1]] = value
    return list(found.values())


def policy(**traffic: Any) -> Raw:
    """A DestinationRule for the Service."""
    spec = {"host": "greeter", "trafficPolicy": traffic}
    return _object("networking.istio.io/v1", "DestinationRule", "greeter", spec)


def authorization(**spec: Any) -> Raw:
    whole = {"selector": {"matchLabels": {"app": "greeter"}}, **spec}
    return _object("security.istio.io/v1", "AuthorizationPolicy", "greeter", whole)


def _object(api_version: str, kind: str, name: str, spec: Raw | None = None, **metadata: Any) -> Raw:
    meta = {"name": name, **metadata} if kind == "Namespace" else {"name": name, "namespace": "lab", **metadata}
    found: Raw = {"apiVersion": api_version, "kind": kind, "metadata": meta}
    return {**found, "spec": spec} if spec is not None else found
