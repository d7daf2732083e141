"""Small Gateway API set-ups."""

from __future__ import annotations

from typing import Any

import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.snapshot import Cluster


def cluster(*texts: str, complete: bool = False) -> Cluster:
    return cluster_of([item for text in texts for item in yaml.safe_load_all(text) if item], complete)


def gateway(class_name: str = "istio", listeners: str = "", controller: str = "") -> str:
    listed = listeners or "[{name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}]"
    text = f"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: public, namespace: infra}}
spec: {{gatewayClassName: {class_name}, listeners: {listed}}}
"""
    if controller:
        text += f"""---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: {class_name}}}
spec: {{controllerName: {controller}}}
"""
    return text


def route(kind: str = "GRPCRoute", **spec: Any) -> str:
    spec = {
        "parentRefs": [{"name": "public", "namespace": "infra"}],
        "hostnames": ["api.example.com"],
        "rules": [{"backendRefs": [{"name": "greeter", "port": 50051}]}],
        **spec,
    }
    metadata = {"name": "greeter", "namespace": "prod"}
    text: str = yaml.safe_dump(
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    )
    return text


def service(port: str = "{name: grpc, port: 50051}", annotations: str = "{}") -> str:
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: greeter, namespace: prod, annotations: {annotations}}}
spec: {{selector: {{app: greeter}}, ports: [{port}]}}
"""
