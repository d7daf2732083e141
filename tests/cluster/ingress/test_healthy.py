"""Healthy set-ups for gRPC: no rule says more about them than a note."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import paths
from grpcdoctor.cluster.services import find_service
from grpcdoctor.diagnosis.registry import cluster_checks
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.rule import Severity
from tests.cluster.ingress.samples import ingress, ingress_class

APPLICATION = """
apiVersion: v1
kind: Namespace
metadata: {name: prod}
---
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: prod}
spec: {selector: {app: greeter}, ports: [{name: grpc, port: 50051, targetPort: grpc, appProtocol: kubernetes.io/h2c}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: greeter, namespace: prod}
spec:
  replicas: 3
  selector: {matchLabels: {app: greeter}}
  template:
    metadata: {labels: {app: greeter}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: app
        image: example.com/greeter:1.0
        ports: [{name: grpc, containerPort: 50051}]
        readinessProbe: {grpc: {port: 50051}}
        livenessProbe: {tcpSocket: {port: 50051}}
"""
NGINX = """
apiVersion: v1
kind: Namespace
metadata: {name: ingress-nginx}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
data: {}
---
apiVersion: v1
kind: Service
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
spec:
  type: LoadBalancer
  selector: {app.kubernetes.io/name: ingress-nginx}
  ports: [{name: http, port: 80, targetPort: http}, {name: https, port: 443, targetPort: https, appProtocol: https}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: ingress-nginx}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx}}
    spec:
      containers:
      - name: controller
        image: registry.k8s.io/ingress-nginx/controller:v1.11.2
        args: [/nginx-ingress-controller, --configmap=$(POD_NAMESPACE)/ingress-nginx-controller]
        ports: [{name: http, containerPort: 80}, {name: https, containerPort: 443}]
"""
PREFIX = "nginx.ingress.kubernetes.io/"
GRPC = {
    f"{PREFIX}backend-protocol": "GRPC",
    f"{PREFIX}proxy-read-timeout": "3600",
    f"{PREFIX}proxy-send-timeout": "3600",
}


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


def with_tls(item: dict[str, Any]) -> dict[str, Any]:
    item["spec"]["tls"] = [{"hosts": ["a.example.com"], "secretName": "a-tls"}]
    return item


def annotated(**annotations: str) -> list[dict[str, Any]]:
    found = documents(APPLICATION)
    found[1]["metadata"]["annotations"] = annotations
    del found[1]["spec"]["ports"][0]["appProtocol"]
    return found


def made(controller: str, item: dict[str, Any], *others: dict[str, Any]) -> list[dict[str, Any]]:
    tls = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a-tls", "namespace": "prod"},
           "type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}}  # fmt: skip
    return [ingress_class("edge", controller), with_tls(item), tls, *others]


SET_UPS = {
    "ingress-nginx": made("k8s.io/ingress-nginx", ingress("edge", **GRPC), *documents(APPLICATION), *documents(NGINX)),
    "f5": made(
        "nginx.org/ingress-controller",
        ingress("edge", **{"nginx.org/grpc-services": "greeter"}),
        *documents(APPLICATION),
    ),
    "traefik": made(
        "traefik.io/ingress-controller",
        ingress("edge"),
        *annotated(**{"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}),
    ),
    "contour": made("projectcontour.io/contour", ingress("edge"), *documents(APPLICATION)),
    "haproxy": made(
        "haproxy.org/ingress-controller", ingress("edge"), *annotated(**{"haproxy.org/server-proto": "h2"})
    ),
    "haproxy-ingress": made(
        "haproxy-ingress.github.io/controller",
        ingress("edge", **{"haproxy-ingress.github.io/backend-protocol": "grpc"}),
        *documents(APPLICATION),
    ),
    "kong": made(
        "ingress-controllers.konghq.com/kong",
        ingress("edge", **{"konghq.com/protocols": "grpc,grpcs"}),
        *annotated(**{"konghq.com/protocol": "grpc"}),
    ),
    "alb": made(
        "ingress.k8s.aws/alb",
        ingress(
            "edge",
            **{
                "alb.ingress.kubernetes.io/backend-protocol-version": "GRPC",
                "alb.ingress.kubernetes.io/listen-ports": '[{"HTTPS":443}]',
            },
        ),
        *documents(APPLICATION),
    ),
}


@pytest.mark.parametrize("name", sorted(SET_UPS))
def test_a_healthy_set_up_gets_nothing_above_a_note(name: str) -> None:
    for complete in (False, True):
        cluster = cluster_of(SET_UPS[name], complete)
        found = [c for check in cluster_checks() for c in check.function(cluster) if isinstance(c, Finding)]
        assert [f"{f.rule.name}: {f.message}" for f in found if f.effective_severity is not Severity.INFO] == []


@pytest.mark.parametrize("name", sorted(SET_UPS))
def test_its_path_carries_http2_all_the_way(name: str) -> None:
    cluster = cluster_of(SET_UPS[name])
    (path,) = paths(cluster)
    assert path.is_grpc
    assert path.first_http1 is None
    assert path.entrance is not None
    assert path.entrance.terminates_tls


def test_a_rest_gateway_for_grpc_is_no_grpc_server() -> None:
    found = documents(APPLICATION)
    found[1]["spec"]["ports"] = [{"name": "grpc-gateway", "port": 8080}]
    cluster = cluster_of(found[:2])
    service = find_service(cluster, "prod", "greeter")
    assert service is not None
    assert not intent_of(cluster, service.ports[0]).may_be_grpc
