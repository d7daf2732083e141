"""Clusters for the tests of ingress controllers: written in YAML, asked for what is spoken to the one backend."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.hops import Spoken, Tls, Upstream
from grpcdoctor.cluster.ingress.routes import ingress_rules
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.snapshot import Cluster


def cluster(text: str) -> Cluster:
    return cluster_of([document for document in yaml.safe_load_all(dedent(text)) if document is not None])


def ingress(class_name: str = "", service: str = "greeter", **annotations: str) -> dict[str, Any]:
    """An Ingress of one host and path."""
    spec: dict[str, Any] = {"ingressClassName": class_name} if class_name else {}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 50051}}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "greeter", "namespace": "prod", "annotations": annotations},
        "spec": {**spec, "rules": [{"host": "a.example.com", "http": {"paths": [path]}}]},
    }


def service(annotations: dict[str, str] | None = None, **port: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "greeter", "namespace": "prod", "annotations": annotations or {}},
        "spec": {"selector": {"app": "greeter"}, "ports": [{"name": "main", "port": 50051, **port}]},
    }


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def ingress_class(name: str, controller: str, **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"controller": controller},
    }


def rules(*documents: dict[str, Any]) -> tuple[RouteRule, ...]:
    return ingress_rules(cluster_of(documents))


def rule(*documents: dict[str, Any]) -> RouteRule:
    (only,) = rules(*documents)
    return only


def upstream(*documents: dict[str, Any]) -> Upstream:
    """What is spoken to the backend of the only rule."""
    (backend,) = rule(*documents).backends
    return backend.upstream


def spoken(*documents: dict[str, Any]) -> tuple[Spoken, Tls]:
    found = upstream(*documents)
    return found.spoken, found.tls
